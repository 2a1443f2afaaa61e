"""Rings found and named, innocent lockstep explained by its own trace, and nothing that changes with names, order or buckets."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from features.networks.pairs.pair_evidence import combine, merge_sketches, pair_evidence, pair_sketch
from features.networks.pairs.significance import SCALES
from features.networks.rings.meetings import read_events
from features.networks.rings.partition import RING_COLUMNS, ring_tables
from features.networks.rings.rings import Ring, find_rings, ring_edges

T = pd.Timestamp("2025-12-31 23:59:59")
PLACES = pd.DataFrame(
    {"fixmedins_code": ["H", "S", "P", "Q", "V"], "medins_type": ["综合医院", "卫生院", "药店", "药店", "村卫生室"], "fixmedins_type": ["1", "1", "2", "2", "1"]}
)  # fmt: skip


def background(seed: int = 0, cards: int = 150, visits: int = 1500) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 360, visits), unit="D")
    return pd.DataFrame(
        {
            "psn_no": [f"n{c}" for c in rng.integers(0, cards, visits)], "fixmedins_code": rng.choice(PLACES["fixmedins_code"], visits),
            "happened_at": day + pd.to_timedelta(rng.integers(480, 1080, visits), unit="min"), "fen": 5000, "dx": rng.choice(["J06", "I10", "E11", "K29"], visits),
        }
    )  # fmt: skip


def meet(
    names: Sequence[str], days: Iterable[str | pd.Timestamp], place: str, *, minute: int = 600, step: int = 2, dx: str | None = None, fen: int = 30000, **columns: Any
) -> pd.DataFrame:  # fmt: skip
    rows = [
        {"psn_no": n, "fixmedins_code": place, "happened_at": pd.Timestamp(d) + pd.Timedelta(minutes=minute + step * i), "fen": fen, "dx": dx or f"{'ABCDEFGH'[i % 8]}1{j % 10}"}
        for j, d in enumerate(days)
        for i, n in enumerate(names)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def world(*groups: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    events = pd.concat([background(seed), *groups], ignore_index=True)
    return events.assign(setl_id=[f"s{i}" for i in range(len(events))])


def people(events: pd.DataFrame, **of: dict[str, Any]) -> pd.DataFrame:
    names = sorted(events["psn_no"].unique())
    frame = pd.DataFrame(
        {
            "psn_no": names,
            "age": 45.0,
            "curr_addr_code": [f"a{i % 7}" for i in range(len(names))],
            "tel_hash": [f"t{n}" for n in names],
        }
    )
    frame = frame.set_index("psn_no")
    for column, values in of.items():
        for name, value in values.items():
            frame.loc[name, column] = value
    return frame.reset_index()


SOME_DAYS = ["2025-01-09", "2025-02-03", "2025-03-28", "2025-05-01", "2025-07-15", "2025-10-02"]
RING = [f"r{i}" for i in range(6)]


def ring_world() -> pd.DataFrame:
    return world(meet(RING, SOME_DAYS, "P"))


def test_a_planted_ring_is_found_with_its_settlements() -> None:
    events = ring_world()
    (ring,) = find_rings(events, people(events), PLACES, as_of=T)
    assert ring.members == tuple(RING)
    assert (ring.days, ring.meetings, ring.places, ring.explanation) == (6, 6, ("P",), None)
    assert set(ring.sessions["row_id"]) >= set(events.loc[events["psn_no"].isin(RING), "setl_id"])
    assert ring.amount_fen == ring.sessions["fen"].sum() == 36 * 30000
    graph = ring.graph()
    assert (len(graph), graph.number_of_edges()) == (6, 15)
    assert all(d["days"] >= 5 and d["z"] >= 6 for _, _, d in graph.edges(data=True))


@pytest.mark.parametrize(("place", "found"), [("P", {*RING, "late0", "late1"}), ("Q", set(RING))])
def test_where_a_ring_is_found_a_closer_look_finds_those_who_came_less_often(place: str, found: set[str]) -> None:
    """Two good customers met twice with half of the ring: far from z = 6 in a county, plain among the cards of the ring's own shop, nothing at another."""
    rng = np.random.default_rng(3)
    busy = background(1, cards=900, visits=20000)
    own = pd.concat([busy[busy["fixmedins_code"] == place].sample(20, random_state=k).assign(psn_no=f"late{k}") for k in (0, 1)])  # fmt: skip
    own["happened_at"] += pd.to_timedelta(rng.integers(1, 300, len(own)), unit="min")
    days = [[SOME_DAYS[k], SOME_DAYS[k + 2]] for k in (0, 1)]
    loose = [meet([*RING[:3], f"late{k}"], days[k], place, minute=800 + 40 * k, step=3) for k in (0, 1)]
    events = world(meet(RING, SOME_DAYS, "P"), *loose, busy, own)
    edges = ring_edges(events)
    assert not {"late0", "late1"} & {*edges["a"], *edges["b"]}, "a county's threshold does not see them"
    (ring,) = find_rings(events, people(events), PLACES, as_of=T)
    assert set(ring.members) == found


def test_chance_and_nothing_give_no_ring() -> None:
    events = background().assign(setl_id="")
    assert find_rings(events, people(events), PLACES, as_of=T) == []
    assert find_rings(events.iloc[:0], people(events), PLACES, as_of=T) == []
    with pytest.raises(UserError, match="fixmedins_code"):
        find_rings(events.drop(columns="fixmedins_code"), people(events), PLACES, as_of=T)


def test_repeated_rows_and_rows_without_time_card_or_place_change_nothing() -> None:
    events = ring_world()
    (ring,) = find_rings(events, people(events), PLACES, as_of=T)
    holes = [events.head(30).assign(**{column: None}) for column in ("happened_at", "psn_no", "fixmedins_code")]
    holes[0]["happened_at"] = pd.NaT
    dirty = pd.concat([events.sample(200, random_state=0), events, *holes, events.tail(50)], ignore_index=True)
    (again,) = find_rings(dirty, people(events), PLACES, as_of=T)
    assert (again.ring_id, again.amount_fen, again.meetings) == (ring.ring_id, ring.amount_fen, ring.meetings)
    assert again.sessions["row_id"].tolist() == ring.sessions["row_id"].tolist()


def test_a_ring_keeps_its_name_while_it_grows_and_as_of_hides_the_future() -> None:
    events = ring_world()
    early, full = (find_rings(events, people(events), PLACES, as_of=pd.Timestamp(t)) for t in ("2025-08-01", T))
    assert early[0].ring_id == full[0].ring_id
    assert early[0].days == 5 < full[0].days
    past = events[events["happened_at"] <= "2025-08-01"]
    assert (
        find_rings(past, people(events), PLACES, as_of=T)[0].sessions["row_id"].tolist()
        == early[0].sessions["row_id"].tolist()
    )


def test_names_and_order_change_nothing() -> None:
    events = ring_world()
    (before,) = find_rings(events, people(events), PLACES, as_of=T)
    register = people(events)
    rng = np.random.default_rng(1)
    name = dict(zip(register["psn_no"], [f"x{i:04d}" for i in rng.permutation(len(register))], strict=True))
    shop = dict(zip("HSPQV", ["z3", "z1", "z5", "z2", "z4"], strict=True))
    shuffled = events.sample(frac=1, random_state=0)
    renamed = shuffled.assign(psn_no=shuffled["psn_no"].map(name), fixmedins_code=shuffled["fixmedins_code"].map(shop))
    places = PLACES.assign(fixmedins_code=PLACES["fixmedins_code"].map(shop))
    (after,) = find_rings(renamed, register.assign(psn_no=register["psn_no"].map(name)), places, as_of=T)
    assert set(after.members) == {name[m] for m in before.members}
    assert after.surprise == pytest.approx(before.surprise)
    assert sorted(after.sessions["row_id"]) == sorted(before.sessions["row_id"])
    assert find_rings(shuffled, register, PLACES, as_of=T)[0].ring_id == before.ring_id


@pytest.mark.parametrize("buckets", [1, 2, 5])
def test_buckets_change_nothing(buckets: int) -> None:
    # the ring meets once or twice at each of five places: no bucket sees enough of it alone
    groups = [meet(RING, [d], "HSPQV"[i % 5]) for i, d in enumerate(SOME_DAYS)]
    known = read_events(world(*groups), T)
    parts = [known[known["fixmedins_code"].isin(list("HSPQV")[b::buckets])] for b in range(buckets)]
    sketches = {dt: merge_sketches(pair_sketch(p, dt=dt, bits=14) for p in parts) for dt, _ in SCALES}
    edges = combine([pair_evidence(p, sketches) for p in reversed(parts)])
    whole = ring_edges(known)
    pd.testing.assert_frame_equal(edges, whole, check_dtype=False)
    events = known.drop(columns=["minute", "day"])
    one, many = (find_rings(events, people(events), PLACES, as_of=T, edges=e) for e in (whole, edges))
    assert [r.ring_id for r in one] == [r.ring_id for r in many]
    assert set(one[0].members) == set(RING)


def innocent(events: pd.DataFrame, **of: dict[str, Any]) -> Ring:
    rings = find_rings(events, people(events, **of), PLACES, as_of=T)
    assert len(rings) == 1
    return rings[0]


def days(start: str, step: int, n: int) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n, freq=f"{step}D")


def test_dialysis_shift_is_explained() -> None:
    shift = [d for d in pd.date_range("2025-02-03", "2025-05-30") if d.day_of_week in (0, 2, 4)]
    assert innocent(world(meet(RING, shift, "H", dx="N18.5"))).explanation == "N01"


def test_family_is_explained_by_its_account() -> None:
    family = RING[:4]
    ring = innocent(world(meet(family, SOME_DAYS, "P", step=1)), mulaid_grp_id=dict.fromkeys(family, "m1"))
    assert ring.explanation == "N05"
    assert "4" not in ring.sentence or "个家庭" in ring.sentence


def test_nursing_home_is_explained_by_its_address() -> None:
    ring = innocent(
        world(meet(RING, SOME_DAYS, "S")), curr_addr_code=dict.fromkeys(RING, "home"), age=dict.fromkeys(RING, 82.0)
    )
    assert ring.explanation == "N04"


def test_school_outbreak_is_explained_by_age_diagnosis_and_span() -> None:
    ring = innocent(
        world(meet(RING, ["2025-03-03", "2025-03-05", "2025-03-08"], "S", dx="A08.1")), age=dict.fromkeys(RING, 9.0)
    )
    assert ring.explanation == "N14"


def test_pension_day_is_explained_by_the_calendar() -> None:
    pay_days = [f"2025-{m:02d}-12" for m in range(1, 12)]
    ring = innocent(world(meet(RING, pay_days, "P", step=6)), age=dict.fromkeys(RING, 70.0))
    assert ring.explanation == "N06"


def test_village_medicine_day_is_explained_by_place_address_and_calendar() -> None:
    ring = innocent(
        world(meet(RING, days("2025-01-06", 28, 9), "V", fen=4000, step=5)), curr_addr_code=dict.fromkeys(RING, "a1")
    )
    assert ring.explanation == "N07"


def test_batch_upload_says_nothing_about_time() -> None:
    village = [f"v{i}" for i in range(6)]
    others = [
        meet([f"n{i}" for i in range(k * 6, k * 6 + 6)], [d], "V", minute=1050, step=0)
        for k, d in enumerate(days("2025-01-03", 2, 25))
    ]
    events = world(meet(village, SOME_DAYS, "V", minute=1050, step=0), *others)
    events = events[~((events["fixmedins_code"] == "V") & (events["fen"] == 5000))]
    rings = [r for r in find_rings(events, people(events), PLACES, as_of=T) if set(r.members) & set(village)]
    assert [r.explanation for r in rings] in ([], ["N07"])


def test_the_same_traces_do_not_clear_a_ring() -> None:
    """Near misses: one village but no calendar; pensioners but within a minute of each other; a monthly day but young."""
    village = world(meet(RING, SOME_DAYS, "P", fen=60000))
    assert innocent(village, curr_addr_code=dict.fromkeys(RING, "a1")).explanation is None
    pay_days = [f"2025-{m:02d}-12" for m in range(1, 12)]
    assert innocent(world(meet(RING, pay_days, "P", step=1)), age=dict.fromkeys(RING, 70.0)).explanation is None
    assert innocent(world(meet(RING, pay_days, "P", step=6)), age=dict.fromkeys(RING, 30.0)).explanation is None


def test_ward_ring_needs_the_same_two_days() -> None:
    rows = [
        (n, d, pd.Timestamp(d) + pd.Timedelta(days=6)) for d in ("2025-02-01", "2025-05-11", "2025-08-20") for n in RING
    ]
    rng = np.random.default_rng(0)
    other = [
        (f"n{i}", d, d + pd.Timedelta(days=int(rng.integers(3, 12))))
        for i, d in enumerate(pd.date_range("2025-01-01", periods=200))
    ]
    stays = pd.DataFrame([*rows, *other], columns=["psn_no", "adm_date", "end_date"])
    stays = stays.assign(fixmedins_code="H", mdtrt_id=[f"m{i}" for i in range(len(stays))], fen=500000)
    events = background().assign(setl_id="")
    (ring,) = find_rings(events, people(events, age=dict.fromkeys(RING, 60.0)), PLACES, stays, as_of=T)
    assert (ring.ward, ring.days, ring.members) == (True, 3, tuple(RING))
    assert set(ring.sessions["row_table"]) == {"stays"}


def test_tables_for_the_partition() -> None:
    events = ring_world()
    rings = find_rings(events, people(events), PLACES, as_of=T)
    values, entities, rows = ring_tables(rings, events, PLACES, None, T)
    assert list(values.columns) == list(RING_COLUMNS)
    assert values.index.tolist() == entities["entity_id"].tolist()
    assert values.loc[values.index[0], ["ring_members", "ring_days", "ring_fen"]].tolist() == [6, 6, 10800]
    assert entities["members"].iloc[0] == ";".join(RING)
    assert rows["fen"].sum() == entities["total_fen"].iloc[0]
    none = ring_tables([], events.iloc[:0], PLACES, None, T)
    assert [len(t) for t in none] == [0, 0, 0]
    assert list(none[0].columns) == list(RING_COLUMNS)

"""A matrix and its scores made by hand, for every grain, and a week published from them. No claims, no model."""

import functools
import json
import shutil
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from argon2 import PasswordHasher

from features.matrix import Matrix, crowd_of
from inspection.campaigns import Campaign
from models.decided import nobody
from models.score import Scored
from models.shift import spreads
from serving.desk import people
from serving.lists import pictures, publish
from serving.lists.beside import beside
from serving.lists.briefs import brief
from serving.lists.dossier import dossier
from serving.lists.everybody import standing_of
from serving.lists.model_shift import shift_of
from serving.lists.model_told import signals_of
from serving.lists.plain import plain
from serving.lists.prepare import Prepared
from serving.lists.schema import Note, WorkList
from serving.lists.who import Known
from serving.lists.worklist import assemble, with_evidence, with_names
from serving.web.middleware import Gate, desk_of
from serving.web.pages import pages
from tests.column import a_column
from tests.made_facts import facts

with warnings.catch_warnings():
    # Starlette would rather have httpx2, which nothing else here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

__all__ = ["TestClient"]

AS_OF = date(2025, 9, 28)
NOTES = (
    Note("112 张结算单没有费用明细，相关指标按缺失处理", "warning", 112),
    Note("3 家村卫生室整批上传，已跳过分钟级指标"),
)
COLUMNS = {
    "outside_swipe_days": (
        "住院期间院外刷卡天数",
        "天",
        "T01",
        "high",
        "住院期间有{value}天在院外刷卡（同类中位{peer}天，高于{percentile}的同类）",
        "家属持卡代取常用药、请假离院",
    ),
    "bed_only_share": (
        "仅床位药品日占比",
        "%",
        "T01",
        "high",
        "住院日中{value}只有床位和口服药（同类中位{peer}，高于{percentile}的同类）",
        "精神、康复、护理类长期住院",
    ),
    "daily_fee": (
        "日均费用",
        "元",
        "T02",
        "low",
        "日均费用{value}元（同类中位{peer}元，低于{percentile}的同类）",
        "护理类病房按床日付费",
    ),
    "same_bag": (
        "相同项目组合住院数",
        "次",
        "T02",
        "high",
        "与{value}次住院的项目组合完全相同（同类中位{peer}次，高于{percentile}的同类）",
        "临床路径与单病种",
    ),
}


def county(grain: str, n: int = 120) -> tuple[Matrix, Scored]:
    """n entities; the first dozen are worse than the others. Raw risk is additive by construction."""
    rng = np.random.default_rng(7)
    prefix = {"admission": "M2025", "person": "42900119800", "institution": "H420", "doctor": "D4201", "ring": "G"}[
        grain
    ]
    ids = [f"{prefix}{i:05d}" for i in range(n)]
    X = pd.DataFrame(rng.gamma(2.0, 1.0, (n, 4)).round(3), index=pd.Index(ids, name="entity_id"), columns=list(COLUMNS))
    X["bed_only_share"] = (X["bed_only_share"] / 20).clip(upper=1)
    X["daily_fee"] = (X["daily_fee"] * 180 + 60).round(2)
    X.iloc[:12, [0, 1, 3]] *= 4
    X.iloc[:12, 1] = X.iloc[:12, 1].clip(upper=1)
    X.iloc[3, 0] = np.nan
    peer = pd.DataFrame(np.tile(X.median().to_numpy(), (n, 1)), index=X.index, columns=X.columns)
    z = ((X - peer) / X.std()).clip(-10, 10)
    percentile = X.rank(pct=True) * 100
    columns = {
        c: a_column(c, label, scheme, worse, unit=unit, grain=grain, reason=reason, innocent=innocent)
        for c, (label, unit, scheme, worse, reason, innocent) in COLUMNS.items()
    }
    entities = pd.DataFrame(
        {
            "psn_no": [f"4290011980{i:05d}" for i in range(n)] if grain in ("admission", "person") else None,
            "fixmedins_code": [f"H4200000{i % 7}" for i in range(n)],
            "dr_codg": [f"D420100{i % 9}" for i in range(n)],
            "area": [f"4290{i % 4:02d}" for i in range(n)],
            "label": ids if grain != "institution" else [f"第{i}卫生院" for i in range(n)],
            "begin_at": pd.Timestamp("2025-09-01") + pd.to_timedelta(np.arange(n) % 20, unit="D"),
            "end_at": pd.Timestamp("2025-09-10") + pd.to_timedelta(np.arange(n) % 18, unit="D"),
            "open": [grain == "admission" and i % 5 == 0 for i in range(n)],
            "fund_fen": (rng.gamma(2, 200_000, n)).astype("int64"),
            "total_fen": 900_000,
            "peer_group": "E11|2|inpatient",
            "peer_group_coarse": "2|inpatient",
        },
        index=X.index,
    )
    if grain == "ring":
        entities["members"] = [
            ";".join(f"4290011980{(i * 5 + k) % 600:05d}" for k in range(4 + i % 4)) for i in range(n)
        ]
        entities["explained"] = ["" if i != 1 else "透析同班次：固定星期、固定机构" for i in range(n)]
    crowds = {"": crowd_of(X, entities)}
    matrix = Matrix(grain, AS_OF, 90, entities, X, z, percentile, columns, {}, crowds)  # type: ignore[arg-type]
    contributions = (z.fillna(0) * np.array([0.5, 0.4, -0.3, 0.6])).assign(base=-2.0)
    raw = contributions.sum(axis=1)
    risk = 1 / (1 + np.exp(-raw))
    frame = pd.DataFrame(
        {
            "risk": risk, "raw": raw, "placed": raw, "suspicion": risk, "probability": np.where(np.arange(n) % 2, risk, np.nan), "amount_fen": entities["fund_fen"],
            "amount_low_fen": (entities["fund_fen"] * 0.6).astype("int64"), "amount_high_fen": (entities["fund_fen"] * 1.3).astype("int64"),
            "scheme": "T01", "scheme_share": 0.7, "scheme_2": "T02", "model": "规则+离群（未训练）",
        }
    )  # fmt: skip
    frame["probability_low"], frame["probability_high"] = frame["probability"] / 2, (1 + frame["probability"]) / 2
    scorers = pd.DataFrame({"rules": risk, "outliers": risk, "graph": np.nan, "ranker": np.nan}, index=X.index)
    return matrix, Scored(frame, contributions, scorers)


def rows_of(keys: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], pd.DataFrame]:
    """Three claim rows for each reason, one of them not a hit."""
    return {
        (grain, column, entity_id): pd.DataFrame(
            {
                "entity_id": entity_id,
                "happened_at": pd.to_datetime(["2025-09-03 09:12", "2025-09-05 17:40", "2025-09-08 10:05"]),
                "row_table": "settlements",
                "row_id": [f"S{entity_id[-5:]}{k}" for k in range(3)],
                "hit": [True, True, False],
                "fen": [12_345, 6_700, 100],
                "psn_no": "429001198000009",
            }
        )
        for grain, column, entity_id in keys
    }


UNITS = {
    c: {
        "name": f"{'药店' if c[0] == 'P' else '卫生院'}{c[-1]}",
        "kind": "",
        "level": 1,
        "area": "429000",
        "beds": None,
        "biznat": "",
    }
    for c in ("P42000009", *(f"H4200000{i}" for i in range(7)))
}


SICK = {f"M2025{i:05d}": {"dx": "F20.000", "dx_name": "精神分裂症"} for i in range(0, 120, 2)}
"""Diagnoses of every other stay."""


def events_for(numbers: list[str]) -> pd.DataFrame:
    """A closed stay with a swipe inside, an open stay, swipes before; for several people the same days and units."""
    parts = []
    for psn_no in numbers:
        parts.append(
            pd.DataFrame(
                {
                    "psn_no": psn_no,
                    "kind": ["stay", "stay", "swipe", "swipe", "swipe"],
                    "id": ["M202500003", "M1999", "S1", "S2", "S3"],
                    "fixmedins_code": ["H42000001", "H42000001", "P42000009", "P42000009", "H42000003"],
                    "begin_at": pd.to_datetime(["2025-09-01 10:00", "2025-09-25 09:00", "2025-07-02 08:30", "2025-09-04 18:20", "2025-08-15 11:00"]),
                    "end_at": pd.to_datetime(["2025-09-11 09:00", None, "2025-07-02 08:30", "2025-09-04 18:20", "2025-08-15 11:00"]),
                    "fen": [512_300, 88_000, 4_500, 12_800, 23_000],
                    "inside": [False, False, False, True, False],
                    "what": ["inpatient", "inpatient", "pharmacy", "pharmacy", "outpatient"],
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@functools.cache
def made_list(grain: str, top: int = 10) -> tuple[WorkList, dict[str, dict[str, Any]], dict[tuple[str, str, str], pd.DataFrame]]:  # fmt: skip
    """(worklist, dossiers, rows) of the hand-made county."""
    matrix, scored = county(grain)
    worklist = assemble(matrix, scored, top, as_of=AS_OF, grain=grain, notes=NOTES)
    rows = rows_of([key for keys in worklist.rows["keys"] for key in keys])
    worklist = with_evidence(worklist, rows)
    dossiers = {}
    for row in worklist.rows.to_dict(orient="records"):
        numbers = (row["members"] or row["psn_no"] or "").split(";")
        known = Known(units=UNITS, events={n: events_for([n]) for n in numbers if n}, stays=SICK)
        dossiers[row["entity_id"]] = dossier(
            matrix, scored, row["entity_id"], rows, as_of=AS_OF, grain=grain, notes=NOTES, known=known
        )
    return worklist, dossiers, rows


GRAINS = ("admission", "person", "institution", "doctor", "ring")


def signed_in(warehouse: Path, *roles: str, area: str = "", name: str = "") -> TestClient:
    """A client of these roles at the pages of a warehouse, behind the gate; its account is made anew."""
    name = name or f"u{len(people.everybody(desk_of(warehouse)))}"
    token = people.add(desk_of(warehouse), name, roles or ("officer", "reviewer2", "leader"), area=area)
    client = TestClient(Gate(pages(warehouse), warehouse), base_url="http://127.0.0.1", follow_redirects=False)
    answer = client.post("/invitation", data={"token": token, "password": PASSWORD, "again": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True, scope="session")
def quick_hashes() -> Iterator[None]:
    """argon2 at its cheapest: what is tested is who gets in, not how dear a guess is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


def whole_week(warehouse: Path) -> publish.Run:
    """A run of all grains with everything beside its lists; pictures of the first three rows of each."""
    made = {}
    for grain in GRAINS:
        worklist, dossiers, rows = made_list(grain)
        matrix, scored = county(grain)
        first = set(worklist.rows.loc[worklist.rows["lead"] <= 3, "entity_id"])
        drawn = {e: pictures.pictures_of(d) for e, d in dossiers.items() if e in first}
        stood = standing_of(matrix, scored, matrix.entities, nobody(), set(worklist.rows["entity_id"]))
        told = signals_of(matrix, scored.contributions)
        fitted = {"as_of": "2025-06-30", **spreads(matrix, scored.frame["raw"], scored.contributions)}
        shift = shift_of(None if grain == "ring" else {"spread": fitted}, matrix, scored)
        made[grain] = Prepared(with_names(worklist, dossiers), rows, dossiers, drawn, stood, told, shift)
    more = beside(warehouse, AS_OF, made)
    units = {"H42000001": {"n": 1, "name": "第1卫生院", "kind": "卫生院", "level": 1, "area": "429000"}}
    more |= {"units.json": json.dumps(units).encode(), "units/00001.json": json.dumps(UNIT).encode()}
    told = [
        {"campaign": Campaign("住院", "住院专项", schemes=("T01",)).to_json(), "lacks": ""},
        {"campaign": Campaign("价格", "价格专项", schemes=("T20",)).to_json(), "lacks": ""},
        {"campaign": Campaign("追溯码", rules=("R40",)).to_json(), "lacks": "缺少列 fee_details.drug_trac_codg"},
    ]
    more |= {"campaigns.json": json.dumps({"campaigns": told}).encode()}
    one = brief(UNIT["code"], UNIT, facts(), [], "2025-09-28-seed")
    more["ladder.json"] = json.dumps({"2025-08": LADDER, "2025-07": LADDER[:1]}).encode()
    more["briefs/00001.json"] = json.dumps(plain(one)).encode()
    lists = {g: (p.worklist, p.dossiers) for g, p in made.items()}
    return publish.publish(warehouse, AS_OF, lists, {"bedcheck": "这个仓库没有在院登记"}, more=more)


UNIT = {
    "code": "H42000001", "name": "第1卫生院", "kind": "卫生院", "level": 1, "area": "429000", "beds": 20, "biznat": "公立", "peer_group": "卫生院|1",
    "months": [{"month": f"2025-{m:02d}", "visits": m, "paid_yuan": 100.0 * m, "fee_yuan": 150.0 * m, "mean_yuan": 100.0, "peer_yuan": None if m < 3 else 90.0} for m in range(1, 10)],
    "gap": {"visits": 45, "own_yuan": 4500.0, "n": 12, "normal_yuan": 4050.0, "gap_yuan": 450.0, "low_yuan": 3900.0, "high_yuan": 4200.0, "wide": False},
    "kinds": [{"what": "outpatient", "visits": 45, "paid_yuan": 4500.0, "fee_yuan": 6750.0}],
    "stays": {"stays": 3, "open_now": 1, "days": 5.0, "persons": 3},
    "cards": [{"psn_no": "429001198000001", "visits": 9, "fee_yuan": 900.0, "account_yuan": 300.0}],
    "doctors": [{"dr_codg": "D420100003", "dept": "A03", "duty": "医师", "fund_yuan": 800.0, "total_yuan": 900.0}],
}  # fmt: skip


LADDER = [
    {"unit": u, "name": n, "level": 1, "area": a, "stays": s, "cost_per_stay": c, "nights_per_stay": c, "self_pay_share": c, "operated_share": c, "transfer_rate": c, "stays_per_person": c, "growth": c, "budget_use": b}
    for u, n, a, s, c, b in (("H42000001", "第1卫生院", "429000", 12, 0.5, 0.61), ("H42000002", "第2卫生院", "429001", None, None, None))
]  # fmt: skip


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse folder with one published run of all grains, to be copied: no desk is opened in it."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    (warehouse / "lists").mkdir()
    whole_week(warehouse)
    return warehouse


@pytest.fixture(scope="module")
def week(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published week of a test file's own: what is done to its cases is nobody else's."""
    return Path(shutil.copytree(published, tmp_path_factory.mktemp("week") / "warehouse"))


@pytest.fixture(scope="session")
def served(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The week that `service` serves."""
    return Path(shutil.copytree(published, tmp_path_factory.mktemp("served") / "warehouse"))


@pytest.fixture(scope="session")
def whole(served: Path) -> Iterator[TestClient]:
    """The service as a process of `xiezhi serve` runs it, BentoML and all: one a process, since it registers its measurements once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XIEZHI_WAREHOUSE", str(served))
        people.add(desk_of(served), "anybody", ("officer",))
        from serving.service import application

        client = TestClient(
            application(), base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False
        )
        client.__enter__()
    yield client
    client.__exit__(None, None, None)


@pytest.fixture
def service(whole: TestClient, served: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The whole service over the hand-made week."""
    monkeypatch.setenv("XIEZHI_WAREHOUSE", str(served))
    whole.cookies.clear()
    return whole

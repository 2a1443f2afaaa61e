"""R24, R25: cards that travel together honestly, and a runner's hand that is no machine."""

from tests.features.catalog.drawn import draw, measure_of

HEAD = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen clock_collapsed"]
DAYS = ("05", "12", "19")


def bursts(unit: str, seconds: int, collapsed: bool) -> list[str]:
    """Five cards one after another on three days at a shop that sells little else."""
    return [
        f"{unit}{day}{i} {unit}{i} {unit} 06-{day}T10:{i * seconds // 60:02d}:{i * seconds % 60:02d} 5000 {collapsed}"
        for day in DAYS
        for i in range(5)
    ]


def test_five_cards_in_48_seconds_are_a_hand_and_five_in_ten_a_machine() -> None:
    rows = HEAD + bursts("hand", 9, True) + bursts("machine", 2, True) + bursts("village", 0, True)
    found = measure_of(draw(settlements="\n".join(rows)), "rule_r24", of="hand machine village")
    assert found["rule_r24_365"].tolist() == [3, 0, 0]


def test_a_home_counts_as_one_card() -> None:
    rows = HEAD + bursts("home", 60, False) + bursts("kin", 60, False) + bursts("village", 60, False)
    people = ["psn_no curr_addr_code age"]
    people += [f"home{i} elders {70 + i}" for i in range(5)]
    people += [f"kin{i} street{i} {70 + i}" for i in range(5)]
    people += [f"village{i} farm {20 + 12 * i}" for i in range(5)]
    links = ["psn_no rel_psn_no"] + [f"kin{i} kin{j}" for i in range(5) for j in range(i)]
    con = draw(settlements="\n".join(rows), persons="\n".join(people), household_links="\n".join(links))
    found = measure_of(con, "rule_r24", "rule_r25", of="home kin village")
    assert found["rule_r24_365"].tolist() == [0, 0, 3]
    assert found["rule_r25_180"].tolist() == [0, 0, 5]

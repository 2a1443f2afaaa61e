"""The visit graph through its declarations, and frequent visits."""

import numpy as np

from tests.features.catalog.drawn import draw, measure_of


def test_a_collector_walks_the_same_round_every_week_and_a_patient_returns() -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at visit_class"]
    for week in range(4):
        rows += [f"c{week}{u} collector {u} 06-{2 + 7 * week:02d}T{9 + i:02d}:00 pharmacy" for i, u in enumerate("abc")]
        rows.append(f"p{week} patient a 06-{2 + 7 * week:02d}T09:00 outpatient")
    found = measure_of(
        draw(settlements="\n".join(rows)),
        "graph_nodes",
        "graph_edges",
        "graph_tour_weeks",
        "graph_return_rate",
        "graph_three_cycles",
        "graph_min_gap",
        of="collector patient",
    )
    collector, patient = found.loc["collector"], found.loc["patient"]
    assert collector["graph_nodes_365"] == 3
    assert collector["graph_edges_365"] == 3
    assert collector["graph_tour_weeks_365"] == 4
    assert collector["graph_three_cycles_365"] == 1
    assert collector["graph_min_gap_365"] == 60
    assert patient["graph_nodes_365"] == 1
    assert patient["graph_return_rate_365"] == 1
    assert np.isnan(patient["graph_min_gap_365"]), "who never moved has no gap"


def test_minutes_of_a_collapsed_clock_count_for_nothing() -> None:
    con = draw(settlements="""
        setl_id psn_no fixmedins_code happened_at clock_collapsed
        1       ann    village        06-01T17:30 true
        2       ann    shop           06-01T17:30 false
        3       ann    clinic         06-01T18:30 false
    """)  # fmt: skip
    found = measure_of(con, "graph_simultaneous", "graph_min_gap", "graph_nodes", of="ann").loc["ann"]
    assert found["graph_simultaneous_365"] == 0
    assert found["graph_min_gap_90"] == 60
    assert found["graph_nodes_90"] == 3


def test_the_fifteenth_purchase_in_thirty_days() -> None:
    def rows(n: int, shared: str = "-") -> str:
        drawn = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen acct_mulaid_pay_fen"]
        return "\n".join(drawn + [f"{i} ann shop 06-{i + 1:02d}T10:00 100 {shared}" for i in range(n)])

    hit = measure_of(draw(settlements=rows(16)), "rule_r36", "visits_pharmacy", of="ann").loc["ann"]
    assert hit["visits_pharmacy_30"] == 16
    assert hit["rule_r36_365"] == 2
    assert hit["rule_r36_365_fen"] == 200
    assert measure_of(draw(settlements=rows(14)), "rule_r36", of="ann").loc["ann", "rule_r36_365"] == 0
    assert measure_of(draw(settlements=rows(16, "100")), "rule_r36", of="ann").loc["ann", "rule_r36_365"] == 0

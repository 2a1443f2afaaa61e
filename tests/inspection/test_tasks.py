"""Tasks come from the evidence of a lead: what would clear first, devices and shelves by what was billed, charts by the stays named, none twice."""

from typing import Any

from inspection.tasks import KINDS, tasks_of


def reason(text: str, rows: list[dict[str, Any]], **over: Any) -> dict[str, Any]:
    papers = over.pop("papers", [])
    told = {"text": text, "about": "institution", "rule": "", "scheme": "T05", "innocent": "集中维修"} | over
    return told | {"evidence": {"rows": rows, "chain": {"papers": papers}}}


def line(name: str, n: int, **over: Any) -> dict[str, Any]:
    return {"row_table": "fee_details", "row_id": f"M{n}|{n}", "hilist_name": name, "yuan": 10.0 * n, "cnt": 2.0} | over


LEAD = {
    "grain": "institution",
    "reasons": [
        reason("透析120次", [line("血液透析", 1), line("胸部CT", 2), line("床位费", 3)], papers=["治疗单、执行签名"]),
        reason("开药多", [line("达格列净片", 4, med_list_codg="XA10"), line("达格列净片", 5, drug=True)], rule="R48"),
        reason("住院长", [{"row_table": "visits", "row_id": "M9"}, {"row_table": "visits", "row_id": "M9"}], papers=["治疗单、执行签名"]),
    ],
}  # fmt: skip


def texts(kind: str, lead: dict[str, Any] = LEAD, **over: Any) -> list[str]:
    return [t.text for t in tasks_of(lead, **over) if t.kind == kind]


def test_what_would_clear_comes_first_and_nothing_comes_twice() -> None:
    found = tasks_of(LEAD)
    assert [t.kind for t in found] == sorted((t.kind for t in found), key=list(KINDS).index)
    assert len({t.key for t in found}) == len(found)
    assert texts("papers") == ["调取治疗单、执行签名"], "two reasons ask for the same paper once"
    assert found == tasks_of(LEAD)
    assert any("计量单位换算表" in t for t in texts("innocent")), "what usually clears a rule is named"


def test_devices_and_shelves_by_what_was_billed() -> None:
    equipment, stock = texts("equipment"), texts("stock")
    assert [t[:6] for t in equipment] == ["查看CT 机", "查看透析机与"], "dearest first; a bed needs no device"
    [counted] = stock
    assert "达格列净片" in counted
    assert "2条，合计4" in counted
    [task] = [t for t in tasks_of(LEAD) if t.kind == "stock"]
    assert (task.basis, task.rows) == ("R48 开药多", ("M4|4", "M5|5"))
    prices = {"grain": "institution", "reasons": [reason("价高", [line("胸部CT", 1)], scheme="T12")]}
    assert texts("equipment", prices) == [], "a price casts no doubt on a device"


def test_charts_are_the_drawn_ones_or_those_the_evidence_names() -> None:
    [task] = [t for t in tasks_of(LEAD) if t.kind == "charts"]
    assert task.rows == ("M9",)
    first, second = [t for t in tasks_of(LEAD, charts=["M1", "M2"]) if t.kind == "charts"]
    assert (first.rows, second.rows) == (("M1", "M2"), ("M9",))


def test_whom_to_ask() -> None:
    assert [t.partition("：")[0] for t in texts("ask")] == ["问主管医师与当班护士"] * 3
    person = {"grain": "person", "reasons": [reason("取药多", [line("达格列净片", 1, drug=True)], about="person")]}
    assert texts("ask", person) == ["问参保人本人或家属：请说明原因：取药多"]
    assert texts("stock", person)[0].startswith("清点家中余药")
    assert tasks_of({"grain": "institution", "reasons": []}) == []

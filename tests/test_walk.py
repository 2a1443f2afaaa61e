"""Two leads walked from list to label to the next list, on the test county without its own findings: cases, two persons, decisions, intake."""

from pathlib import Path

import pytest

from claims.intake.pipeline import intake
from commands.walk import STAFF, walk
from features.declarations import load_catalog
from serving.desk import findings, leads, log, people, verify
from serving.desk.database import open_desk
from serving.lists import publish
from serving.lists.earlier import concluded
from tests.features.county import T, only, read_tables, source, write_tables
from tests.worlds import Worlds
from training.dataset import read_labels
from training.labels import decided as labelled

OF_CAMPAIGNS = ("R19", "R47", "R48", "R64")
FEW = frozenset(
    f.name
    for f in load_catalog().values()
    if (f.grain in ("person", "admission") and f.by == "person" and f.rule) or f.rule in OF_CAMPAIGNS
)
"""Rules on a person's own claims, and those that campaigns name: what is followed is a lead, not how it was found."""
ROLES = {
    "reviewer1": "reviewer1",
    "reviewer2": "reviewer2",
    "inspector": "inspector",
    "leader": "leader",
    "signer": "leader",
}
GRAINS = ("person", "admission")


@pytest.mark.slow
def test_what_was_decided_changes_next_weeks_list(worlds: Worlds, tmp_path: Path) -> None:
    tables = {n: t for n, t in read_tables(source(worlds)).items() if n not in ("inspections", "presence_checks")}
    root = tmp_path / "warehouse"
    intake(write_tables(tables, tmp_path / "claims"), root, buckets=1)
    desk = open_desk(root)
    for part, account in STAFF.items():
        roles = (ROLES[part], "inspector") if part == "reviewer1" else (ROLES[part],)
        people.accept(desk, people.add(desk, account, roles), "correct horse battery")
    with only(FEW):
        follow(root, tmp_path)


def follow(root: Path, folder: Path) -> None:
    desk, told = open_desk(root), list[str]()
    said = walk(root, T, folder / "decided", top=8, tell=told.append, grains=GRAINS)
    name, confirmed, cleared = said["list"], said["confirmed"], said["cleared"]
    for step in ("report → C20", "agree → C30", "dispatch → C40", "found → C50", "answer → C60", "decide → C70"):
        assert any(f"{confirmed['case']} {step}" in line for line in told), step
    assert any(f"{cleared['case']} exclude → C90" in line for line in told)

    held = concluded(root, T, name)
    assert held.loc[confirmed["entity"], "outcome"] == "confirmed"
    assert held.loc[cleared["entity"], "outcome"] == "refuted"
    taught = labelled(read_labels(root, T), name).set_index("entity_id")["y"]
    assert (taught[confirmed["entity"]], taught[cleared["entity"]]) == (1, 0), "the next fit learns from both"

    after = publish.current(root)
    rows = after.worklist(name)["rows"]
    for one, zh in ((confirmed, "违规"), (cleared, "未见异常")):
        assert one["finding"].endswith(f" {zh}"), "whoever asks why it is not on the list is told"
        mine = [r for r in rows if r["entity_id"] == one["entity"]]
        assert len(mine) <= 1
        assert all(r["returning"] for r in mine), "what stands there again is marked as come back"
        assert one["next"] == ("listed" if mine else "decided")
    assert "已有结论 2 个、查实 1 个" in said["hits_after"], said["hits_after"]
    assert "命中率未知" in said["hits_before"]
    assert said["rule_before"] != said["rule_after"], "the rule's card counts the case"

    before = len(held)
    intake(str(folder / "decided"), root, known_at=T)
    assert len(concluded(root, T, name)) == before, "the same delivery again is the same findings"
    leads.open_run(desk, after.name, T.isoformat(), {g: after.worklist(g)["rows"] for g in after.grains})
    numbers = [r["insp_id"] for r in findings.decided(desk)]
    assert len(numbers) == len(set(numbers)) == 2
    assert verify.fault(log.walk(desk), log.head(desk)) == ""

"""One lead from Monday's list to the label, and to next week's list without it: what the desk is for, on the demo's county.

The county's days lie in the past, so the desk's clock stands at them (serving/desk/database.py); everything else is what officers do on the page.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from claims.errors import UserError
from claims.intake.pipeline import intake
from serving.desk import appeals, findings, inbox, leads, papers, people
from serving.desk.database import Desk, clock, open_desk
from serving.desk.people import Person
from serving.desk.steps import Given, take
from serving.lists.publish import Run, publish_week

STAFF: Final = {
    "reviewer1": "officer",
    "reviewer2": "reviewer",
    "inspector": "inspector",
    "leader": "leader",
    "signer": "signer",
}
"""Who of the demo's accounts does what; the officer goes with the inspector, since two must."""
PAPER: Final = b"%PDF-1.4\n% record of the demo's inspection\n"
Tell = Callable[[str], None]


def walk(warehouse: Path, last: date, folder: Path, top: int = 20, tell: Tell = print) -> dict[str, Any]:
    """List of a week before `last` → case → finding → intake → list of `last`. folder: new, for the delivery of findings.

    Returns number of the case, list and entity, whether it stood on either list, what the rule's card said before and after. Raises UserError where no
    ranked lead rests on a rule, or an account of the demo is missing.
    """
    if folder.exists():
        raise UserError(f"{folder} is there already: this demo's lead was followed before")
    desk, monday = open_desk(warehouse), last - timedelta(days=7)
    run = publish_week(warehouse, monday, top=top)
    tell(f"{monday}: published {run.name}")
    name, lead, rule = _chosen(run)
    rows = {grain: run.worklist(grain)["rows"] for grain in run.grains}
    entity = next(r["entity_id"] for r in rows[name] if int(r["lead"]) == lead)
    with clock(_at(monday, 1, 8)):
        leads.open_run(desk, run.name, monday.isoformat(), rows)
    staff = {part: people.named(desk, account) for part, account in STAFF.items()}
    case = leads.of_run(desk, run.name, name, staff["signer"])[lead]
    _decide(desk, staff, case, monday, tell)
    mine = [r for r in findings.decided(desk) if r["entity_id"] == entity]
    [delivered] = findings.write(mine, [], folder)
    taken = intake(str(folder), warehouse, known_at=last)
    tell(f"{delivered}: taken in as batch {taken.batch}")
    after = publish_week(warehouse, last, top=top)
    listed = [r["entity_id"] for r in after.worklist(name)["rows"]] if name in after.grains else []
    said = {
        "case": case["number"],
        "list": name,
        "entity": entity,
        "on_next_list": entity in listed,
        "rule": rule,
        "rule_before": _precision(run, rule),
        "rule_after": _precision(after, rule),
        "hits_before": _hits(run, name),
        "hits_after": _hits(after, name),
    }
    tell(f"{last}: {case['number']} is {'still' if said['on_next_list'] else 'no more'} on the list of {name}")
    tell(f"{rule}: {said['rule_before']} → {said['rule_after']}")
    tell(f"{said['hits_before']} → {said['hits_after']}")
    return said


def _chosen(run: Run) -> tuple[str, int, str]:
    """(list, number on it, rule) of the highest-ranked lead that rests on a rule."""
    for name in ("admission", "person", "institution"):
        if name not in run.grains:
            continue
        for row in sorted(run.worklist(name)["rows"], key=lambda r: int(r["rank"])):
            found = run.lead(name, int(row["lead"]))
            rules = [r["rule"] for r in found["reasons"] if r.get("rule")]
            if row["slot"] == "ranked" and rules and not row["returning"]:
                return name, int(row["lead"]), str(rules[0])
    raise UserError("no ranked lead of this week rests on a rule; take another seed")


def _at(monday: date, days: int, hour: int) -> datetime:
    """A moment of China's day, in UTC."""
    return datetime.combine(monday + timedelta(days=days), time(hour)) - timedelta(hours=8)


def _decide(desk: Desk, staff: dict[str, Person], case: Mapping[str, Any], monday: date, tell: Tell) -> None:
    """Claim, two reviews, visit, objection answered, decision: a day each."""
    case_id, number = int(case["case_id"]), str(case["number"])

    def step(part: str, day: int, name: str, given: Given) -> None:
        who = staff[part]
        with clock(_at(monday, day, 10)):
            inbox.claim(desk, who, case_id)
            version = next(int(c["version"]) for c in inbox.search(desk, who, number) if c["number"] == number)
            tell(
                f"{monday + timedelta(days=day)} {who.shown}: {name} → {take(desk, who, who.rights, case_id, name, version, given)}"
            )

    visitors = (staff["reviewer1"].person_id, staff["inspector"].person_id)
    step("reviewer1", 1, "report", Given(note="证据与记录一致，建议核查", worth=True))
    step("reviewer2", 1, "agree", Given(note="同意"))
    step("leader", 2, "dispatch", Given(officers=visitors, declared=True))
    inspector = staff["inspector"]
    with clock(_at(monday, 3, 9)):
        papers.attach(desk, inspector, inspector.rights, case_id, "现场笔录.pdf", PAPER)
    step("inspector", 3, "found", Given(note="现场核对属实", outcome="O2_IRREGULAR", worth=True))
    with clock(_at(monday, 4, 9)):
        appeals.state_ground(desk, inspector, inspector.rights, case_id, "称系操作失误")
    leader = staff["leader"]
    with clock(_at(monday, 4, 15)):
        (ground,) = [g for a in appeals_of(desk, case_id) for g in a["grounds"]]
        appeals.answer_ground(desk, leader, leader.rights, case_id, ground["ground_id"], "与记录不符，不予采纳", False)
    step("leader", 5, "answer", Given(note="已逐条答复"))
    decision = Given(
        note="按条例处理",
        outcome="O2_IRREGULAR",
        violation_class="irregular",
        confirmed_fen=100,
        dispositions=("RECOVER",),
    )
    step("signer", 6, "decide", decision)


def appeals_of(desk: Desk, case_id: int) -> list[dict[str, Any]]:
    """What the subject said so far, and the replies."""
    with desk.read() as connection:
        return appeals.of_case(connection, case_id)


def _precision(run: Run, rule: str) -> str:
    return next((str(c["precision"]) for c in run.rules() if c["rule"] == rule), "")


def _hits(run: Run, name: str) -> str:
    return str(run.worklist(name)["facts"]["described"].get("此前命中", "")) if name in run.grains else ""

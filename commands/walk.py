"""Two leads from Monday's list to their labels, one confirmed and one cleared, and to next week's list that knows both: what the desk is for, on the demo's county.

The county's days lie in the past, so the desk's clock stands at them (serving/desk/database.py); everything else is what officers do on the page.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from claims.errors import UserError
from claims.intake.pipeline import intake
from features.grains import GRAINS
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


def walk(
    warehouse: Path,
    last: date,
    folder: Path,
    top: int = 20,
    tell: Tell = print,
    grains: Iterable[str] = GRAINS,
) -> dict[str, Any]:
    """List of a week before `last` → two cases → findings → intake → list of `last`. folder: new, for the delivery of findings.

    Returns list, rule, and of the `confirmed` and the `cleared` case number, entity, its place on the next list (listed, decided, …) and what that list says was found; what the rule's
    card and the list's hit rate said before and after. Raises UserError where no ranked lead rests on a rule, or an account of the demo is missing.
    """
    if folder.exists():
        raise UserError(f"{folder} is there already: this demo's leads were followed before")
    desk, monday = open_desk(warehouse), last - timedelta(days=7)
    run = publish_week(warehouse, monday, top=top, grains=grains)
    tell(f"{monday}: published {run.name}")
    name, chosen, rule = _chosen(run)
    rows = {grain: run.worklist(grain)["rows"] for grain in run.grains}
    entities = {int(r["lead"]): str(r["entity_id"]) for r in rows[name]}
    with clock(_at(monday, 1, 8)):
        leads.open_run(desk, run.name, monday.isoformat(), rows)
    staff = {part: people.named(desk, account) for part, account in STAFF.items()}
    opened = leads.of_run(desk, run.name, name, staff["signer"])
    cases = {"confirmed": opened[chosen[0]], "cleared": opened[chosen[1]]}
    _confirm(desk, staff, cases["confirmed"], monday, tell)
    _clear(desk, staff, cases["cleared"], monday, tell)
    ours = {kind: entities[lead] for kind, lead in zip(cases, chosen, strict=True)}
    mine = [r for r in findings.decided(desk) if r["entity_id"] in ours.values()]
    [delivered] = findings.write(mine, [], folder)
    taken = intake(str(folder), warehouse, known_at=last)
    tell(f"{delivered}: taken in as batch {taken.batch}")
    after = publish_week(warehouse, last, top=top, grains=grains)
    said: dict[str, Any] = {
        "list": name,
        "rule": rule,
        "rule_before": _precision(run, rule),
        "rule_after": _precision(after, rule),
        "hits_before": _hits(run, name),
        "hits_after": _hits(after, name),
    }
    for kind, entity in ours.items():
        stood = after.standing(name, entity) or {}
        number = str(cases[kind]["number"])
        found = str(stood.get("finding", ""))
        said[kind] = {"case": number, "entity": entity, "next": stood.get("state", ""), "finding": found}
        still = "back on" if stood.get("state") == "listed" else "no more on"
        tell(f"{last}: {number} is {still} the list of {name}, which says of it: {found}")
    tell(f"{rule}: {said['rule_before']} → {said['rule_after']}")
    tell(f"{said['hits_before']} → {said['hits_after']}")
    return said


def _chosen(run: Run) -> tuple[str, tuple[int, int], str]:
    """(list, the numbers on it of its highest-ranked lead that rests on a rule and of its lowest new one, the rule)."""
    for name in ("admission", "person", "institution"):
        if name not in run.grains:
            continue
        ranked = [r for r in run.worklist(name)["rows"] if r["slot"] == "ranked" and not r["returning"]]
        numbers = [int(r["lead"]) for r in sorted(ranked, key=lambda r: int(r["rank"]))]
        for number in numbers[:-1]:
            told = run.lead(name, number)["reasons"]
            rules = [r["rule"] for r in told if r["rule"] and r["about"] == name]  # its hospital's are not its own
            if rules:
                other = next(n for n in reversed(numbers) if n != number)
                return name, (number, other), str(rules[0])
    raise UserError("no ranked lead of this week rests on a rule; take another seed")


def _at(monday: date, days: int, hour: int) -> datetime:
    """A moment of China's day, in UTC."""
    return datetime.combine(monday + timedelta(days=days), time(hour)) - timedelta(hours=8)


def _stepper(
    desk: Desk, staff: dict[str, Person], case: Mapping[str, Any], monday: date, tell: Tell
) -> Callable[[str, int, str, Given], None]:
    """Steps of a case as somebody takes it in hand some days after Monday."""
    case_id, number = int(case["case_id"]), str(case["number"])

    def step(part: str, day: int, name: str, given: Given) -> None:
        who = staff[part]
        with clock(_at(monday, day, 10)):
            inbox.claim(desk, who, case_id)
            version = next(int(c["version"]) for c in inbox.search(desk, who, number) if c["number"] == number)
            done = take(desk, who, who.rights, case_id, name, version, given)
        tell(f"{monday + timedelta(days=day)} {who.shown}: {number} {name} → {done}")

    return step


def _clear(desk: Desk, staff: dict[str, Person], case: Mapping[str, Any], monday: date, tell: Tell) -> None:
    """Two reviews find nothing: closed at the desk."""
    step = _stepper(desk, staff, case, monday, tell)
    step("reviewer1", 1, "propose_exclude", Given(note="病历与收费一致", worth=True))
    step("reviewer2", 2, "exclude", Given(note="同意排除", outcome="O6_CLEAR"))


def _confirm(desk: Desk, staff: dict[str, Person], case: Mapping[str, Any], monday: date, tell: Tell) -> None:
    """Claim, two reviews, visit, objection answered, decision: a day each."""
    case_id, step = int(case["case_id"]), _stepper(desk, staff, case, monday, tell)
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

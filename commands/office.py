"""What the office decides about rules: state, thresholds, the clause of its agreement, the cap on false alarms."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from claims.errors import UserError
from commands.terminal import JsonOption, WarehouseOption, a_date, of_day, say

app = typer.Typer()
RuleArgument = Annotated[str, typer.Argument(help="R01 … R68")]
ByOption = Annotated[list[str], typer.Option("--by", help="who decides; twice where two people must")]
ReasonOption = Annotated[str, typer.Option("--reason", help="why")]
FromOption = Annotated[str | None, typer.Option("--from", help="YYYY-MM-DD; default: the last day of the data")]


@app.command("list")
def rules_list(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Every rule with its state, the thresholds nobody vouches for, and what inspections made of its hits."""
    from features.thresholds import tune

    day = _last_day(warehouse)
    tune(day=day)
    from features.checking.describe import all_cards
    from features.rule_texts import guessed

    cards = [card | {"guesses": guessed(card["rule"])} for card in all_cards(warehouse, day)]
    lines = [
        f"{c['rule']} {c['name']}  {c['state']}  {c['precision']}"
        + (f"  无出处的阈值：{'、'.join(c['guesses'])}" if c["guesses"] else "")
        for c in cards
    ]
    say({"as_of": day.isoformat(), "rules": cards}, as_json, "\n".join(lines))


@app.command("state")
def rules_state(
    rule: RuleArgument,
    state: Annotated[str, typer.Argument(help="draft, shadow, active or retired")],
    warehouse: WarehouseOption,
    reason: ReasonOption,
    by: ByOption,
    since: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the state of a rule from a day on: in the shadow it is computed and measured but reaches no list."""
    _decide(warehouse, as_json, rule, kind="state", value=state, reason=reason, by=by, since=since)


@app.command("tune")
def rules_tune(
    rule: RuleArgument,
    threshold: Annotated[str, typer.Argument(help="KEY=VALUE, as `rules show` prints it")],
    warehouse: WarehouseOption,
    source: Annotated[str, typer.Option("--source", help="the document it stands in")],
    reason: ReasonOption,
    by: ByOption,
    since: FromOption = None,
    until: Annotated[str, typer.Option("--to", help="YYYY-MM-DD, its last day")] = "",
    area: Annotated[str, typer.Option("--area", help="administrative code the document is for")] = "",
    as_json: JsonOption = False,
) -> None:
    """Set a threshold from a day to a day; models fitted before must be fitted again."""
    key, value = _threshold(rule.upper(), threshold)
    _decide(
        warehouse, as_json, rule, kind="threshold", key=key, value=value, reason=reason, by=by, since=since,
        until=until, area=area, source=source,
    )  # fmt: skip


@app.command("clause")
def rules_clause(
    rule: RuleArgument,
    clause: Annotated[str, typer.Argument(help="the clause of the local agreement, as it is cited")],
    warehouse: WarehouseOption,
    reason: ReasonOption,
    by: ByOption,
    since: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the clause of the service agreement that a rule's deed breaks."""
    _decide(warehouse, as_json, rule, kind="clause", value=clause, reason=reason, by=by, since=since)


@app.command("cap")
def rules_cap(
    rule: Annotated[str, typer.Argument(help='R01 … R68, or "*" for all')],
    share: Annotated[float, typer.Argument(help="largest share of false alarms, between 0 and 1")],
    warehouse: WarehouseOption,
    reason: ReasonOption,
    by: ByOption,
    since: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the cap on a rule's false alarms; past it the next `week` sends the rule back to the shadow."""
    _decide(warehouse, as_json, rule, kind="cap", value=share, reason=reason, by=by, since=since)


@app.command("import-knowledge")
def rules_import_knowledge(
    file: Annotated[Path, typer.Argument(help="xlsx or csv: 类型 编码 对应编码 值 单位 生效日期 失效日期 依据")],
    warehouse: WarehouseOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what it would newly hit")] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="YYYY-MM-DD; default: the last day of the data", callback=of_day)
    ] = None,
    backdate: Annotated[
        str | None, typer.Option("--backdate", help="with --dry-run: as if points that begin later began that day")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take a batch of knowledge points into the catalogue, showing first what it newly hits; `intake undo` takes it back."""
    from claims.intake.pipeline import intake
    from features.checking.newly_hit import catalogue_file, try_points

    if backdate and not dry_run:
        raise UserError("--backdate changes when points begin, so it goes with --dry-run only")
    day = a_date(as_of) if as_of else _last_day(warehouse)
    trial = try_points(warehouse, file, day, a_date(backdate) if backdate else None)
    taken = ""
    if not dry_run:
        with catalogue_file(trial.rows, file.stem) as delivery:
            taken = intake(delivery, warehouse, known_at=day).batch
    summary = {
        "points": len(trial.batch.points),
        "unknown_codes": [p.row for p in trial.batch.unknown],
        "catalogue_rows": len(trial.rows),
        "hits": [h.to_json() for h in trial.hits],
        "not_compared": trial.unseen,
        "batch": taken,
    }
    say(summary, as_json, lambda: trial_text(trial, taken))


def trial_text(trial: Any, taken: str) -> str:
    """The diff in words, a line a declaration."""
    lines = [f"{len(trial.batch.points)} points make {len(trial.rows)} rows of the catalogue"]
    if trial.batch.unknown:
        rows = ", ".join(str(p.row) for p in trial.batch.unknown[:5])
        lines.append(f"{len(trial.batch.unknown)} left out, their codes are not in the catalogue: row {rows}")
    for h in trial.hits:
        lines.append(
            f"{h.rule} {h.name} ({h.grain}): {h.entities_before} → {h.entities_after} hit, {h.new} new; "
            f"rows {h.rows_before} → {h.rows_after}; {h.fen_before / 100:,.2f} → {h.fen_after / 100:,.2f} 元"
        )
    lines += [f"{rule}: judged over the whole county, run `xiezhi rules run` afterwards" for rule in trial.unseen]
    lines.append(f"taken in as batch {taken}" if taken else "nothing was taken in (--dry-run)")
    return "\n".join(lines)


def _decide(warehouse: Path, as_json: bool, rule: str, *, since: str | None, by: list[str], **said: Any) -> None:
    from features.office import Entry, add
    from features.thresholds import settings

    number = rule.upper()
    if number not in settings() and number != "*":
        raise UserError(f"there is no rule {rule!r}; `xiezhi rules list` names them")
    begin = since or _last_day(warehouse).isoformat()
    entry = Entry(rule=number, since=begin, by=tuple(by), **said)
    add(warehouse, [entry])
    what = f"{entry.key} = {entry.value}" if entry.key else f"{entry.kind} {entry.value}"
    told = {"rule": number, "kind": entry.kind, "key": entry.key, "value": entry.value, "from": begin, "by": by}
    say(told, as_json, f"{number}: {what} from {begin} on, noted in {warehouse / 'rules' / 'OFFICE.json'}")


def _threshold(rule: str, text: str) -> tuple[str, float | int | str]:
    from features.thresholds import TEXT, settings

    key, _, value = text.partition("=")
    shipped = settings().get(rule, {})
    if key not in shipped or key in TEXT:
        known = ", ".join(k for k in shipped if k not in TEXT) or "none"
        raise UserError(f"{rule} has no threshold {key!r}; it has: {known}")
    if isinstance(shipped[key], str):  # a day from which something holds
        return key, a_date(value).isoformat()
    try:
        number = float(value)
    except ValueError:
        raise UserError(f"{rule} {key}: {value!r} is not a number; write {key}=VALUE") from None
    if isinstance(shipped[key], int) and number.is_integer():
        return key, int(number)
    if isinstance(shipped[key], int):
        raise UserError(f"{rule} {key}: {value} must be a whole number, as the default {shipped[key]} is")
    return key, number


def _last_day(warehouse: Path) -> date:
    from claims.store.warehouse import Warehouse

    return Warehouse.open(warehouse).span()[2].date()

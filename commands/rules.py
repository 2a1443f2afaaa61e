"""The rule base: run it, show one rule, judge one claim at the counter."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from commands import office
from commands.terminal import AsOfOption, JsonOption, WarehouseOption, a_date, a_moment, of_day, say, there

app = typer.Typer()
rules_app = typer.Typer(no_args_is_help=True, help="The rule base: run it, show a rule, decide about one.")
rules_app.add_typer(office.app)
app.add_typer(rules_app, name="rules")


@app.command()
def check(
    claim: Annotated[Path, typer.Option("--claim", help="the settlement: .json (may hold its lines) or .csv")],
    lines: Annotated[Path | None, typer.Option("--lines", help="its fee lines: .json or .csv")] = None,
    warehouse: Annotated[
        Path | None,
        typer.Option("--warehouse", callback=there, help="the patient's past; without it the claim alone is judged"),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help='"YYYY-MM-DD HH:MM"; default: when the claim was settled')
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """One incoming claim against all rules that it and its patient's past can answer, as the batch would."""
    from features.checking.check_claim import check_claim
    from features.checking.claim_file import answers_text, moment_of_claim, read_claim

    settlement, billed = read_claim(claim, lines)
    when = a_moment(at) if at else moment_of_claim(settlement)
    answers = check_claim(settlement, billed, warehouse, when)
    say(
        {
            "claim": settlement.get("setl_id") or settlement["mdtrt_id"],
            "at": when,
            "answers": [asdict(a) for a in answers],
        },
        as_json,
        lambda: answers_text(answers),
    )


@rules_app.command("run")
def rules_run(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    out: Annotated[Path | None, typer.Option("--out", help="line-level hits as .csv")] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="only these rules")] = None,
    as_json: JsonOption = False,
) -> None:
    """All rules at one as-of: hits and amounts per rule and grain, line by line with --out."""
    from claims.store.files import PRIVATE, put
    from features.checking.hits import hit_rows, run_rules

    when = a_date(as_of)
    found = run_rules(warehouse, when, rule or None)
    if out is not None:
        put(out, hit_rows(warehouse, when, rule or None).to_csv(index=False).encode("utf-8-sig"), PRIVATE)
    table = found.groupby(["rule", "grain"], as_index=False).agg(
        entities=("entity_id", "nunique"), hits=("hits", "sum"), amount_fen=("amount_fen", "sum")
    )
    rows = table.to_dict(orient="records")
    say({"as_of": as_of, "rules": rows, "out": str(out) if out else None}, as_json, table.to_string(index=False))


@rules_app.command("show")
def rules_show(
    rule: Annotated[str, typer.Argument(help="R01 … R68")],
    warehouse: Annotated[
        Path | None,
        typer.Option(
            "--warehouse", callback=there, help="also tell the office's state and what inspections made of it"
        ),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="feedback known by the end of that day", callback=of_day)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """One rule: law, state, thresholds with their source, what to ask, SQL; with --warehouse its precision so far."""
    from claims.store.warehouse import Warehouse
    from features.thresholds import tune

    when = a_date(as_of) if as_of else date.today()
    if warehouse is not None and as_of is None:
        when = Warehouse.open(warehouse).span()[2].date()
        tune(day=when)
    from features.checking.describe import rule_card, show_rule
    from features.checking.precision import history_text, precision_of
    from features.checking.review import track_records
    from features.office import Office, read_office

    number = rule.upper()
    said, record = Office(), None
    summary: dict[str, Any] = {"rule": number}
    if warehouse is not None:
        said, record = read_office(warehouse), track_records(warehouse, when).get(number)
    text = show_rule(number, said, when, record)
    summary |= {"as_of": when.isoformat(), "card": rule_card(number, said, when, record)}
    if warehouse is not None:
        history = precision_of(number, warehouse, when)
        text += "\n\n" + history_text(history)
        summary |= {"history": [p.to_json() for p in history]}
    say(summary | {"text": text}, as_json, text)

"""Claims in: simulate, intake, mapping, quarantine."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.terminal import (
    Bars,
    ExecutorOption,
    JsonOption,
    NewWarehouseOption,
    OutOption,
    WarehouseOption,
    a_date,
    say,
)

app = typer.Typer()
mapping_app = typer.Typer(no_args_is_help=True, help="Mapping files: draft one for a new source.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows set aside at intake: list, export, re-admit.")
app.add_typer(mapping_app, name="mapping")
app.add_typer(quarantine_app, name="quarantine")


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="folder to write: claims/ and truth/")],
    persons: Annotated[int, typer.Option("--persons", help="insured persons")] = 20_000,
    months: Annotated[int, typer.Option("--months", help="months of claims")] = 15,
    seed: Annotated[int, typer.Option("--seed", help="same seed, same county")] = 1,
    severity: Annotated[
        float, typer.Option("--severity", help="how bold the schemes are, 0.2 to 3; 1 is the usual county")
    ] = 1.0,
    dirty: Annotated[
        bool, typer.Option("--dirty", help="also write the county as an old system would export it")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """A county with planted schemes and innocents; the truth lies in a folder beside the input tables."""
    from simulator import simulate as run

    with Bars() as bars:
        made = run(out, persons, months, seed, severity=severity, dirty=dirty, progress=bars)
    tables = dict(made.tables)
    say(
        {
            "out": str(out),
            "persons": persons,
            "months": months,
            "seed": seed,
            "severity": severity,
            "tables": tables,
            "schemes": dict(made.schemes),
        },
        as_json,
        f"{out}: " + ", ".join(f"{k} {v:,}" for k, v in tables.items()),
    )


@app.command()
def intake(
    source: Annotated[
        str, typer.Argument(help="a file, a folder with one file or folder per table, a zip, or a database URL")
    ],
    warehouse: NewWarehouseOption,
    mapping: Annotated[
        str | None, typer.Option("--mapping", help="a mapping that ships (pilot, …) or a .toml file")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="the day the bureau could know this extract")
    ] = None,
    allow_ignored: Annotated[
        list[str] | None,
        typer.Option("--allow-ignored", help="name or pattern of data that may go unread; may be repeated"),
    ] = None,
    executor: ExecutorOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Take an export in: rows in = accepted + quarantined + duplicates, per table, always."""
    from claims.intake.pipeline import intake_on
    from claims.store.executors import executor_of

    known = a_date(known_at) if known_at else None
    with Bars() as bars:
        taken = intake_on(executor_of(executor), source, warehouse, mapping, known, bars, allow_ignored or ())
    tables = {
        name: {"rows_in": c.rows_in, "accepted": c.accepted, "quarantined": c.quarantined, "duplicates": c.duplicates}
        for name, c in taken.tables.items()
    }

    def text() -> str:
        lines = [f"{'table':<20}{'rows in':>12}{'accepted':>12}{'quarantined':>13}{'duplicates':>12}"]
        lines += [
            f"{n:<20}{c['rows_in']:>12,}{c['accepted']:>12,}{c['quarantined']:>13,}{c['duplicates']:>12,}"
            for n, c in tables.items()
        ]
        return "\n".join(lines)

    ignored = [{"name": i.name, "reason": i.reason} for i in taken.ignored]
    say({"warehouse": str(warehouse), "tables": tables, "ignored": ignored, "notes": taken.notes}, as_json, text)
    if not as_json:
        for line in [f"not read: {i['name']} ({i['reason']})" for i in ignored] + taken.notes:
            print(line, file=sys.stderr)


@mapping_app.command("suggest")
def mapping_suggest(
    source: Annotated[str, typer.Argument(help="file, folder, zip or database URL")],
    out: Annotated[Path | None, typer.Option("--out", help="write the draft here")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft a mapping from names, Chinese headers and value shapes, with how sure each line is."""
    from claims.intake.suggest_mapping import suggest_mapping
    from claims.store.files import put

    text, sure = suggest_mapping(source)
    if out is not None:
        put(out, text.encode("utf-8"))
    say({"mapping": text, "confidence": sure, "out": str(out) if out else None}, as_json, text)


@quarantine_app.command("list")
def quarantine_list(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Rows set aside, by table and reason."""
    from claims.intake.quarantine import list_quarantine

    frame = list_quarantine(warehouse)
    counts = frame.groupby(["table", "reason_code", "reason_zh"], as_index=False).size() if len(frame) else frame
    say(
        {"rows": len(frame), "reasons": counts.to_dict(orient="records")},
        as_json,
        counts.to_string(index=False) if len(frame) else "no row is quarantined",
    )


@quarantine_app.command("export")
def quarantine_export(warehouse: WarehouseOption, out: OutOption, as_json: JsonOption = False) -> None:
    """All quarantined rows as .xlsx, to mend and hand in again."""
    from claims.intake.quarantine import export_quarantine

    rows = export_quarantine(warehouse, out)
    say({"out": str(out), "rows": rows}, as_json, f"{out}: {rows} rows")


@quarantine_app.command("readmit")
def quarantine_readmit(
    warehouse: WarehouseOption,
    source: Annotated[Path, typer.Argument(help="the mended .xlsx")],
    as_json: JsonOption = False,
) -> None:
    """Take mended rows in."""
    from claims.intake.quarantine import list_quarantine
    from claims.intake.readmit import readmit

    taken = readmit(warehouse, source)
    tried = {name: vars(c) for name, c in taken.tables.items()}
    waiting = len(list_quarantine(warehouse))
    say(
        {"readmitted": taken.readmitted, "still_in_quarantine": waiting, "tables": tried},
        as_json,
        f"readmitted {json.dumps(taken.readmitted, ensure_ascii=False)}; {waiting} rows still in quarantine",
    )

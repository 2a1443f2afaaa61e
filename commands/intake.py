"""Claims in: simulate, intake, mapping, quarantine."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

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


class _Intake(typer.core.TyperGroup):
    """`xiezhi intake SOURCE` takes in; a first word that is a command of its own (undo, history) is that command."""

    default = "take"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else [self.default, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == self.default else name), command, rest


app = typer.Typer()
intake_app = typer.Typer(cls=_Intake, help="Take an export in, or take one back.")
app.add_typer(intake_app, name="intake")
mapping_app = typer.Typer(no_args_is_help=True, help="Mapping files: draft one for a new source.")
warehouse_app = typer.Typer(no_args_is_help=True, help="The warehouse on disk: lay it out anew.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows set aside at intake: list, export, re-admit.")
app.add_typer(mapping_app, name="mapping")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(warehouse_app, name="warehouse")


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="folder to write: claims/ and truth/")],
    persons: Annotated[int, typer.Option("--persons", help="insured persons")] = 20_000,
    months: Annotated[int, typer.Option("--months", help="months of claims")] = 15,
    seed: Annotated[int, typer.Option("--seed", help="same seed, same county")] = 1,
    severity: Annotated[
        float, typer.Option("--severity", help="how bold the schemes are, 0.2 to 3; 1 is the usual county")
    ] = 1.0,
    abundance: Annotated[
        float, typer.Option("--abundance", help="how many guilty stays, and acts of guilty persons, 0.2 to 6 times")
    ] = 1.0,
    skill: Annotated[
        float, typer.Option("--skill", help="how well inspectors choose and see, 0 (as by lot, and blind) to 1")
    ] = 1.0,
    dirty: Annotated[
        bool, typer.Option("--dirty", help="also write the county as an old system would export it")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """A county with planted schemes and innocents; the truth lies in a folder beside the input tables."""
    from simulator import simulate as run

    with Bars() as bars:
        made = run(
            out,
            persons,
            months,
            seed,
            severity=severity,
            abundance=abundance,
            skill=skill,
            dirty=dirty,
            progress=bars,
        )
    tables = dict(made.tables)
    say(
        {
            "out": str(out),
            "persons": persons,
            "months": months,
            "seed": seed,
            "severity": severity,
            "abundance": abundance,
            "skill": skill,
            "tables": tables,
            "schemes": dict(made.schemes),
        },
        as_json,
        f"{out}: " + ", ".join(f"{k} {v:,}" for k, v in tables.items()),
    )


@intake_app.command("take")
def take(
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
    """Take an export in: rows in = accepted + quarantined + duplicates, per table, always. `xiezhi intake undo BATCH` takes one back, `xiezhi intake history` lists them."""
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
        heads = ("rows", "persons", "total", "fund", "account", "cash")
        if taken.totals:
            lines.append(f"{'came (yuan)':<20}" + "".join(f"{head:>16}" for head in heads))
        for name, held in taken.totals.items():
            rows, persons, *fen = held["all"]
            lines.append(f"{name:<20}{rows:>16,}{persons:>16,}" + "".join(f"{f / 100:>16,.2f}" for f in fen))
        return "\n".join(lines)

    ignored = [{"name": i.name, "reason": i.reason} for i in taken.ignored]
    summary = {"warehouse": str(warehouse), "batch": taken.batch, "tables": tables, "totals": taken.totals}
    say(summary | {"ignored": ignored, "notes": taken.notes}, as_json, text)
    if not as_json:
        for line in [f"not read: {i['name']} ({i['reason']})" for i in ignored] + taken.notes:
            print(line, file=sys.stderr)


@intake_app.command("undo")
def intake_undo(
    batch: Annotated[str, typer.Argument(help="a batch, as `xiezhi intake history` names it")],
    warehouse: WarehouseOption,
    with_later: Annotated[
        bool, typer.Option("--with-later", help="also take back the batches after it, which were judged against it")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take a batch back: the warehouse is as if it had never come, and its files can be taken in again with another mapping."""
    from claims.intake.undo import undo
    from serving.lists.publish import Unpublished, current

    done = undo(warehouse, batch, with_later)
    stale: list[str] = []
    with suppress(Unpublished):
        run = current(warehouse)
        stale = [run.name] if run.taken_back else []
    gone = [{"batch": b["batch"], "source": b["source"]} for b in done.batches]

    def text() -> str:
        lines = [f"{b['batch']} taken back ({b['source']})" for b in gone]
        lines += [f"{b['source']} is to be taken in again" for b in reversed(gone[:-1])]
        lines += [f"the lists {name} rest on it: publish again with `xiezhi week`" for name in stale]
        return "\n".join([*lines, "partitions built on it are built again when asked for; fit models again"])

    say({"undone": gone, "version": done.version, "stale_lists": stale}, as_json, text)


@intake_app.command("history")
def intake_history(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Every batch that ever came, and whether it was taken back."""
    from claims.intake.undo import history

    told = history(warehouse)

    def text() -> str:
        lines = [f"{'batch':<8}{'loaded at':<21}{'accepted':>12}{'quarantined':>13}{'duplicates':>12}  source"]
        for b in told:
            counts = f"{b['accepted']:>12,}{b['quarantined']:>13,}{b['duplicates']:>12,}"
            back = f" (taken back {b['undone_at']})" if b["undone_at"] else ""
            lines.append(f"{b['batch']:<8}{b['loaded_at']:<21}{counts}  {b['source']}{back}")
        return "\n".join(lines)

    say({"batches": told}, as_json, text)


@mapping_app.command("suggest")
def mapping_suggest(
    source: Annotated[str, typer.Argument(help="file, folder, zip or database URL")],
    out: Annotated[Path | None, typer.Option("--out", help="write the draft here")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft a mapping from names, values and relations: how sure each line is, why, and what was not understood."""
    from claims.drafting.draft import draft_mapping
    from claims.store.files import put

    draft = draft_mapping(source)
    if out is not None:
        put(out, draft.text.encode("utf-8"))
    told = {"mapping": draft.text, "confidence": draft.sure, "check": draft.check, "unknown": draft.unknown}
    say(told | {"out": str(out) if out else None}, as_json, draft.text if out is None else str(out))
    if not as_json:
        marked = f"; {len(draft.check)} marked '← check': {', '.join(draft.check)}" if draft.check else ""
        print(f"{len(draft.sure)} lines{marked}", file=sys.stderr)
        for line in draft.unknown:
            print(f"not understood: {line}", file=sys.stderr)


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


@warehouse_app.command("compact")
def warehouse_compact(
    warehouse: WarehouseOption,
    buckets: Annotated[int | None, typer.Option("--buckets", help="how many; else as its rows ask for")] = None,
    sweep: Annotated[
        bool,
        typer.Option("--sweep", help="keep no file of an earlier state: no batch can then be taken back"),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Lay a warehouse of many deliveries out as one delivery would be: one file a bucket, as many buckets as its rows ask for."""
    from claims.errors import UserError
    from claims.intake.layout import MOST_BUCKETS, compact

    if buckets is not None and not 1 <= buckets <= MOST_BUCKETS:
        raise UserError(f"--buckets {buckets}: give a number from 1 to {MOST_BUCKETS}")
    done = compact(warehouse, buckets=buckets, sweep=sweep)
    say(
        {"buckets": list(done.buckets), "files": list(done.files), "swept": done.swept},
        as_json,
        f"buckets {done.buckets[0]} → {done.buckets[1]}, files {done.files[0]} → {done.files[1]}, {done.swept} files of earlier states removed",
    )

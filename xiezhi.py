"""獬豸: the command, and the table of contents.

    simulate   a county with planted schemes and innocents        claims.synth
    intake     what the bureau sends → warehouse                  claims.intake
    features   as-of views → feature partitions                   features.build
    fit        inspections known by then → models                 training.fit
    evaluate   the lists against what was found later             training.evaluate
    rank       risk → a list with reasons and claim rows          serving.lists
    bedcheck   stays open at a moment, by the chance of an empty bed
    explain    everything behind one suspect
    check      one incoming claim against the rules               features.rules
    week       features → fit if due → all lists, published
    serve      the pages and the API                              serving.service
    demo       all of it, on a simulated county
    models     the gate: compare, promote, roll back, history       training.gate

Summaries go to stdout (`--json`: one JSON object), progress to stderr. Exit code 0 only on success; 2 when the input is at fault.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DO_NOT_TRACK", "1")

import typer

from claims.errors import UserError

CommandLineError: Any = typer.BadParameter.__mro__[2]  # click's ClickException, wherever typer keeps it

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help="獬豸 xiezhi: ranked, explained leads from medical-insurance claims. Leads, never verdicts."
)  # fmt: skip
rules_app = typer.Typer(no_args_is_help=True, help="The rule base: run it, or show one rule.")
mapping_app = typer.Typer(no_args_is_help=True, help="Mapping files: draft one for a new source.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows set aside at intake: list, export, re-admit.")
models_app = typer.Typer(
    no_args_is_help=True, help="The gate: compare, promote with two signatures, roll back, history."
)
app.add_typer(rules_app, name="rules")
app.add_typer(mapping_app, name="mapping")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(models_app, name="models")

WarehouseOption = Annotated[Path, typer.Option("--warehouse", help="folder of the warehouse")]
AsOfOption = Annotated[str, typer.Option("--as-of", help="YYYY-MM-DD: all that was known by the end of that day")]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable summary on stdout")]
GrainOption = Annotated[str, typer.Option("--grain", help="admission, person, institution, doctor or ring")]
OrderOption = Annotated[
    str,
    typer.Option("--order", help="what the list is ordered by: probability, expected (× amount) or blend (× √amount)"),
]
ChallengerArgument = Annotated[str, typer.Argument(help="the challenger's name: the first six characters or more")]
OutOption = Annotated[Path, typer.Option("--out", help="file to write: .csv, .xlsx or .json")]


# ---- how the command speaks -------------------------------------------------------------------------------------


class Bars:
    """Progress on stderr: a bar on a terminal, otherwise a line whenever a stage has run for 2 s."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.stage = ""
        self.said = 0.0
        self.bar: Any = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self.bar = Progress(
                TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(),
                console=Console(stderr=True),
            )  # fmt: skip
            self.task: Any = None

    def __enter__(self) -> "Bars":
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, stage: str, done: float = 0.0, total: float = 1.0) -> None:
        share = done / total if total else 0.0
        now = time.monotonic()
        if self.bar:
            if stage != self.stage:
                self.task = self.bar.add_task(stage, total=1.0)
            self.bar.update(self.task, completed=min(max(share, 0.0), 1.0))
        elif stage != self.stage or now - self.said > 5:
            print(f"[{now - self.started:6.1f}s] {stage} {share:4.0%}", file=sys.stderr, flush=True)
            self.said = now
        self.stage = stage


def say(summary: dict[str, Any], as_json: bool, text: Callable[[], str] | str) -> None:
    """The summary of a command, for a person or for a script."""
    if as_json:
        print(json.dumps(summary, ensure_ascii=False, default=str, sort_keys=False))
    else:
        print(text if isinstance(text, str) else text())


def a_date(text: str) -> date:
    """YYYY-MM-DD, or a clear refusal."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is not a date; write it as YYYY-MM-DD, for example 2025-09-28") from None


def a_moment(text: str) -> datetime:
    """'YYYY-MM-DD HH:MM', or a clear refusal."""
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise UserError(f'{text!r} is not a moment; write it as "YYYY-MM-DD HH:MM", for example "2025-09-28 20:00"')


def a_grain(text: str) -> Any:
    """One of the five grains, or a clear refusal."""
    from features.grains import GRAINS

    if text not in GRAINS:
        raise UserError(f"unknown grain {text!r}; choose one of {', '.join(GRAINS)}")
    return text


def an_order(text: str) -> Any:
    """probability, expected or blend, or a clear refusal."""
    if text not in ("probability", "expected", "blend"):
        raise UserError(f"--order {text!r}; choose probability, expected or blend")
    return text


def fit_text(done: dict[str, Any]) -> str:
    """One line a grain: a ranker, or why not."""
    from training.fit import summary_lines

    return "\n".join(
        [
            f"bundle {done['bundle'][:12]} as of {done['as_of']}",
            *summary_lines(done),
            *filter(None, [done.get("standing"), done.get("warning")]),
        ]
    )


def fit_is_due(warehouse: Path, when: date, days: int = 28) -> bool:
    """No model fitted on what was known in the four weeks up to `when`; a challenger that waits for its signatures counts."""
    from training.gate import bundles

    ages = [(when - date.fromisoformat(b["as_of"])).days for b in bundles(warehouse) if b["as_of"]]
    return not any(0 <= age < days for age in ages)


def check_out(out: Path) -> None:
    """Refuse a file that could not be written before an hour is spent on it."""
    if out.suffix.lower() not in (".csv", ".xlsx", ".json"):
        raise UserError(f"--out {out}: write a .csv, .xlsx or .json file")
    if not out.resolve().parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.resolve().parent} does not exist; make it first")


# ---- the road ---------------------------------------------------------------------------------------------------


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
    from claims.synth import simulate as run

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
    warehouse: WarehouseOption,
    mapping: Annotated[
        str | None, typer.Option("--mapping", help="a mapping that ships (pilot, …) or a .toml file")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="the day the bureau could know this extract")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take an export in: rows in = accepted + quarantined + duplicates, per table, always."""
    from claims.intake import intake as run

    with Bars() as bars:
        taken = run(source, warehouse, mapping, a_date(known_at) if known_at else None, progress=bars)
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

    say({"warehouse": str(warehouse), "tables": tables}, as_json, text)


@app.command()
def features(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    grain: Annotated[str | None, typer.Option("--grain", help="only this grain")] = None,
    as_json: JsonOption = False,
) -> None:
    """Build the feature partitions of one as-of date."""
    from features.build import build
    from features.grains import GRAINS

    when = a_date(as_of)
    built: dict[str, dict[str, Any]] = {}
    with Bars() as bars:
        for g in [a_grain(grain)] if grain else GRAINS:
            p = build(warehouse, when, g, progress=bars)
            built[g] = {"rows": p.rows, "columns": len(p.columns), "absent": p.absent, "path": str(p.path)}

    def text() -> str:
        return "\n".join(
            f"{g:<12} {b['rows']:>9,} rows × {b['columns']:>4} columns; not evaluable: {len(b['absent'])}"
            for g, b in built.items()
        )

    say({"as_of": as_of, "grains": built}, as_json, text)


@app.command()
def fit(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    seed: Annotated[int, typer.Option("--seed", help="same warehouse, same seed, same models")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Labels known by that date → models, logged to MLflow; grains with too few labels say so.

    The first model is put in force; a later one is a challenger until `xiezhi models promote`.
    """
    from training.fit import fit as run

    with Bars() as bars:
        done = run(warehouse, a_date(as_of), seed=seed, progress=bars)
    say(done.to_json(), as_json, lambda: fit_text(done.to_json()))


@app.command()
def evaluate(
    warehouse: WarehouseOption,
    truth: Annotated[str, typer.Option("--truth", help="truth folder of a simulated county")] = "",
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="judge the lists of this date (default: the last with claims)")
    ] = None,
    dates: Annotated[int, typer.Option("--dates", help="so many list dates, 30 days apart, backwards")] = 1,
    order: OrderOption = "probability",
    as_json: JsonOption = False,
) -> None:
    """The lists against what was found later, or against a simulated county's truth, beside simple baselines."""
    from training.evaluate import evaluate as run
    from training.report import evaluation_text

    when = a_date(as_of) if as_of else None
    with Bars() as bars:
        found = run(
            warehouse, Path(truth) if truth else None, as_of=when, dates=dates, order=an_order(order), progress=bars
        )
    say(found, as_json, lambda: evaluation_text(found))


@app.command()
def rank(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    grain: GrainOption,
    out: OutOption,
    top: Annotated[int, typer.Option("--top", help="rows that capacity allows")] = 50,
    window_days: Annotated[
        int | None, typer.Option("--window-days", help="rank those active in the last W days")
    ] = None,
    order: OrderOption = "probability",
    as_json: JsonOption = False,
) -> None:
    """The list of one grain: ranked suspects, a random draw beside them, reasons and amounts."""
    from serving.lists.worklist import build_worklist
    from serving.lists.write import write

    check_out(out)
    with Bars() as bars:
        bars("ranking", 0.0)
        made = build_worklist(
            warehouse, a_date(as_of), a_grain(grain), top, window_days=window_days, order=an_order(order)
        )
    write(made, out)
    summary = {
        "out": str(out),
        "grain": grain,
        "as_of": as_of,
        "order": order,
        "rows": len(made.rows),
        "notes": [n.text for n in made.notes],
    }
    say(summary, as_json, f"{out}: {len(made.rows)} rows. 疑点线索，非违规结论")


@app.command()
def bedcheck(
    warehouse: WarehouseOption,
    at: Annotated[str, typer.Option("--at", help='"YYYY-MM-DD HH:MM"')],
    out: OutOption,
    top: Annotated[int, typer.Option("--top", help="beds to visit")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Stays open at that moment, ranked by the chance that the bed is empty."""
    from serving.lists.bedcheck import build_bedcheck
    from serving.lists.write import write

    check_out(out)
    with Bars() as bars:
        bars("beds", 0.0)
        made = build_bedcheck(warehouse, a_moment(at), top)
    write(made, out)
    say(
        {"out": str(out), "at": at, "rows": len(made.rows)},
        as_json,
        f"{out}: {len(made.rows)} rows. 疑点线索，非违规结论",
    )


@app.command()
def explain(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    grain: GrainOption,
    entity_id: Annotated[str, typer.Option("--id", help="the suspect's id, as on the list")],
    as_json: JsonOption = False,
) -> None:
    """Every reason with its number, peer figure, SHAP contribution and claim rows."""
    from serving.lists.explain import explain as run
    from serving.lists.explain import explain_text

    found = run(warehouse, a_date(as_of), a_grain(grain), entity_id)
    say(found, as_json, lambda: explain_text(found))


@app.command()
def week(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    top: Annotated[int, typer.Option("--top", help="rows per list that capacity allows")] = 50,
    refit: Annotated[bool, typer.Option("--refit", help="fit even if it is not due")] = False,
    as_json: JsonOption = False,
) -> None:
    """Features → fit if due → all lists, published as one run."""
    from serving.lists.publish import publish_week
    from training.fit import fit as run_fit

    when = a_date(as_of)
    fitted: dict[str, Any] | None = None
    with Bars() as bars:
        if refit or fit_is_due(warehouse, when):
            fitted = run_fit(warehouse, when, progress=bars).to_json()
        run = publish_week(warehouse, when, top=top, progress=bars)
    lists = {g: len(run.worklist(g)["rows"]) for g in run.grains}
    say(
        {"as_of": as_of, "run": run.name, "lists": lists, "fit": fitted},
        as_json,
        f"published {run.name}: " + ", ".join(f"{g} {n}" for g, n in lists.items()),
    )


@app.command()
def serve(
    warehouse: WarehouseOption,
    port: Annotated[int, typer.Option("--port", help="port on this machine")] = 3000,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; loopback unless told otherwise")
    ] = "127.0.0.1",
) -> None:
    """The BentoML service with the pages; prints the address and a one-time sign-in."""
    from serving.service import serve as run

    code = run(warehouse, port, host)
    if code:
        raise typer.Exit(code)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="where the demo county lives")] = Path("build/demo"),
    persons: Annotated[int, typer.Option("--persons")] = 20_000,
    months: Annotated[int, typer.Option("--months")] = 12,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    port: Annotated[int, typer.Option("--port")] = 3000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="stop before the pages")] = False,
    as_json: JsonOption = False,
) -> None:
    """The whole way on a simulated county; run again, it goes on where it stands."""
    from claims.intake import intake as run_intake
    from claims.synth import simulate as run_simulate
    from claims.warehouse import Warehouse
    from serving.lists.publish import publish_week
    from training.fit import fit as run_fit

    county, house = folder / f"county-{persons}-{months}-{seed}", folder / f"warehouse-{persons}-{months}-{seed}"
    started = time.monotonic()
    with Bars() as bars:
        if not (county / "truth").exists():
            run_simulate(county, persons, months, seed, progress=bars)
        if not (house / "CURRENT").exists():
            run_intake(str(county), house, progress=bars)
        when = Warehouse.open(house).span()[2].date()
        if fit_is_due(house, when):
            run_fit(house, when, progress=bars)
        run = publish_week(house, when, top=20, progress=bars)
    lists = {g: len(run.worklist(g)["rows"]) for g in run.grains}
    summary = {"warehouse": str(house), "truth": str(county / "truth"), "as_of": when.isoformat(), "run": run.name, "lists": lists, "seconds": round(time.monotonic() - started, 1)}  # fmt: skip
    say(
        summary,
        as_json,
        f"{house}: lists of {when} published in {summary['seconds']} s: "
        + ", ".join(f"{g} {n}" for g, n in lists.items()),
    )
    if not no_serve:
        serve(house, port)


@app.command()
def check(
    claim: Annotated[Path, typer.Option("--claim", help="the settlement: .json (may hold its lines) or .csv")],
    lines: Annotated[Path | None, typer.Option("--lines", help="its fee lines: .json or .csv")] = None,
    warehouse: Annotated[
        Path | None, typer.Option("--warehouse", help="the patient's past; without it the claim alone is judged")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help='"YYYY-MM-DD HH:MM"; default: when the claim was settled')
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """One incoming claim against all rules that it and its patient's past can answer, as the batch would."""
    from features.rules.claim_file import answers_text, moment_of_claim, read_claim
    from features.rules.counter import check_claim

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


# ---- rules, mappings, quarantine, models -------------------------------------------------------------------------


@rules_app.command("run")
def rules_run(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    out: Annotated[Path | None, typer.Option("--out", help="line-level hits as .csv")] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="only these rules")] = None,
    as_json: JsonOption = False,
) -> None:
    """All rules at one as-of: hits and amounts per rule and grain, line by line with --out."""
    from features.rules.run import hit_rows, run_rules
    from serving.lists.write import put

    when = a_date(as_of)
    found = run_rules(warehouse, when, rule or None)
    if out is not None:
        put(out, hit_rows(warehouse, when, rule or None).to_csv(index=False).encode("utf-8-sig"))
    table = found.groupby(["rule", "grain"], as_index=False).agg(
        entities=("entity_id", "nunique"), hits=("hits", "sum"), amount_fen=("amount_fen", "sum")
    )
    rows = table.to_dict(orient="records")
    say({"as_of": as_of, "rules": rows, "out": str(out) if out else None}, as_json, table.to_string(index=False))


@rules_app.command("show")
def rules_show(
    rule: Annotated[str, typer.Argument(help="R01 … R68")],
    warehouse: Annotated[
        Path | None, typer.Option("--warehouse", help="also tell what inspections made of its hits")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="feedback known by the end of that day")] = None,
    as_json: JsonOption = False,
) -> None:
    """One rule: official name, thresholds, SQL, exemptions, amount basis; with --warehouse its precision so far."""
    from claims.warehouse import Warehouse
    from features.rules.feedback import history_text, precision_of
    from features.rules.show import show_rule

    text, summary = show_rule(rule), {"rule": rule.upper()}
    if warehouse is not None:
        when = a_date(as_of) if as_of else Warehouse.open(warehouse).span()[2].date()
        history = precision_of(rule, warehouse, when)
        text += "\n\n" + history_text(history)
        summary |= {"as_of": when.isoformat(), "history": [p.to_json() for p in history]}
    say(summary | {"text": text}, as_json, text)


@mapping_app.command("suggest")
def mapping_suggest(
    source: Annotated[str, typer.Argument(help="file, folder, zip or database URL")],
    out: Annotated[Path | None, typer.Option("--out", help="write the draft here")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft a mapping from names, Chinese headers and value shapes, with how sure each line is."""
    from claims.suggest import suggest_mapping
    from serving.lists.write import put

    text, sure = suggest_mapping(source)
    if out is not None:
        put(out, text.encode("utf-8"))
    say({"mapping": text, "confidence": sure, "out": str(out) if out else None}, as_json, text)


@quarantine_app.command("list")
def quarantine_list(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Rows set aside, by table and reason."""
    from claims.quarantine import list_quarantine

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
    from claims.quarantine import export_quarantine

    rows = export_quarantine(warehouse, out)
    say({"out": str(out), "rows": rows}, as_json, f"{out}: {rows} rows")


@quarantine_app.command("readmit")
def quarantine_readmit(
    warehouse: WarehouseOption,
    source: Annotated[Path, typer.Argument(help="the mended .xlsx")],
    as_json: JsonOption = False,
) -> None:
    """Take mended rows in."""
    from claims.quarantine import list_quarantine
    from claims.readmit import readmit

    taken = readmit(warehouse, source)
    tried = {name: vars(c) for name, c in taken.tables.items()}
    waiting = len(list_quarantine(warehouse))
    say(
        {"readmitted": taken.readmitted, "still_in_quarantine": waiting, "tables": tried},
        as_json,
        f"readmitted {json.dumps(taken.readmitted, ensure_ascii=False)}; {waiting} rows still in quarantine",
    )


@models_app.command("list")
def models_list(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Every model on disk: champion, challengers, former ones, damaged ones."""
    from training.gate import bundles

    rows = bundles(warehouse)
    lines = [f"{r['hash'][:12]}  {r['as_of']:<10}  {r['state']:<10}  {', '.join(r['in_force'])}" for r in rows]
    say({"models": rows}, as_json, "\n".join(lines) or "no model yet; run xiezhi fit")


@models_app.command("compare")
def models_compare(
    challenger: ChallengerArgument,
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    top: Annotated[int, typer.Option("--top", help="length of the lists compared")] = 50,
    order: OrderOption = "probability",
    truth: Annotated[str | None, typer.Option("--truth", help="truth folder of a simulated county")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="write the report here as Markdown")] = None,
    as_json: JsonOption = False,
) -> None:
    """The report a promotion needs: both models on the same dates, who enters, who leaves and why, whose reasons flipped."""
    from serving.lists.write import put
    from training.gate import compare
    from training.report import gate_text

    report = compare(warehouse, challenger, a_date(as_of), top=top, order=an_order(order), truth=truth)
    if out is not None:
        put(out, gate_text(report).encode("utf-8"))
    say(report, as_json, lambda: gate_text(report))


@models_app.command("promote")
def models_promote(
    challenger: ChallengerArgument,
    warehouse: WarehouseOption,
    signed_by: Annotated[list[str], typer.Option("--signed-by", help="an approver; give two different ones")],
    trainer: Annotated[str, typer.Option("--trainer", help="who trained it, and so may not sign")] = "",
    grain: Annotated[list[str] | None, typer.Option("--grain", help="only these grains")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a challenger in force: needs the report of `compare` and two signatures."""
    import getpass

    from training.gate import full_name, promote

    chosen = [a_grain(g) for g in grain] if grain else None
    warning = promote(warehouse, challenger, signed_by, trainer=trainer, grains=chosen, entered_by=getpass.getuser())
    name = full_name(warehouse, challenger)
    say(
        {"promoted": name, "by": sorted(set(signed_by)), "grains": chosen, "warning": warning},
        as_json,
        "\n".join(filter(None, [f"{name[:12]} is in force, signed by {', '.join(sorted(set(signed_by)))}", warning])),
    )


@models_app.command("rollback")
def models_rollback(
    warehouse: WarehouseOption,
    signed_by: Annotated[list[str] | None, typer.Option("--signed-by", help="who goes back")] = None,
    note: Annotated[str, typer.Option("--note", help="why")] = "",
    as_json: JsonOption = False,
) -> None:
    """Put back what was in force before the last change."""
    from training.gate import rollback

    back = rollback(warehouse, by=signed_by or [], note=note)
    lines = [f"{g}: {n[:12]} is in force again" for g, n in back.items()]
    say({"in_force": back}, as_json, "\n".join(lines))


@models_app.command("history")
def models_history(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Who was in force when, and who signed."""
    from training.gate import history

    entries = history(warehouse)
    lines = [
        f"{e['at']}  {e['action']:<9} {', '.join(f'{g} {n[:12]}' for g, n in e['grains'].items())}  {'、'.join(e['by'])}  {e['note']}"
        for e in entries
    ]
    say({"history": entries}, as_json, "\n".join(lines) or "no model was ever in force")


@models_app.command("shadow")
def models_shadow(
    challenger: ChallengerArgument,
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    grain: GrainOption,
    out: OutOption,
    top: Annotated[int, typer.Option("--top", help="rows")] = 50,
    order: OrderOption = "probability",
    as_json: JsonOption = False,
) -> None:
    """The list a challenger would make, marked as a shadow; the champion keeps serving."""
    from serving.lists.worklist import build_worklist
    from serving.lists.write import write
    from training.gate import challenger_bundle

    check_out(out)
    bundle = challenger_bundle(warehouse, challenger)
    with Bars() as bars:
        bars("shadow list", 0.0)
        made = build_worklist(warehouse, a_date(as_of), a_grain(grain), top, order=an_order(order), shadow=bundle)
    write(made, out)
    summary = {"out": str(out), "shadow_of": bundle.hash, "grain": grain, "as_of": as_of, "rows": len(made.rows)}
    say(
        summary,
        as_json,
        f"{out}: {len(made.rows)} rows by {bundle.hash[:12]}, which is not in force. 疑点线索，非违规结论",
    )


def main() -> None:
    """Entry point of `xiezhi`: a user's mistake is one sentence and exit code 2, never a traceback."""
    try:
        code = app(standalone_mode=False)
    except UserError as error:
        print(f"xiezhi: {error}", file=sys.stderr)
        sys.exit(2)
    except CommandLineError as error:
        print(f"xiezhi: {error.format_message()} See `xiezhi --help`.", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        print("xiezhi: stopped", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(
            f"xiezhi: {error.strerror or error}{where}; check the path, the disk and the rights, then run it again",
            file=sys.stderr,
        )
        sys.exit(2)
    except Exception as error:  # a defect of ours: say so without spilling rows of claims into a terminal or a log
        if os.environ.get("XIEZHI_TRACEBACK"):
            raise
        print(
            f"xiezhi: internal error ({type(error).__name__}); nothing was published. Set XIEZHI_TRACEBACK=1 to see where, and report it.",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()

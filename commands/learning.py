"""Features, models and the gate: features, fit, evaluate, models."""

import getpass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from claims.errors import UserError
from commands.terminal import (
    AsOfOption,
    Bars,
    ExecutorOption,
    GrainOption,
    JsonOption,
    OrderOption,
    OutOption,
    WarehouseOption,
    a_date,
    a_grain,
    an_order,
    check_out,
    say,
)

app = typer.Typer()
models_app = typer.Typer(
    no_args_is_help=True, help="The gate: compare, promote with two signatures, roll back, history."
)
app.add_typer(models_app, name="models")

ChallengerArgument = Annotated[str, typer.Argument(help="the challenger's name: the first six characters or more")]


@app.command()
def features(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    grain: Annotated[str | None, typer.Option("--grain", help="only this grain")] = None,
    executor: ExecutorOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Build the feature partitions of one as-of date."""
    from claims.store.executor import working_on
    from claims.store.executors import executor_of
    from features.build import build
    from features.grains import GRAINS

    when = a_date(as_of)
    built: dict[str, dict[str, Any]] = {}
    with Bars() as bars, working_on(executor_of(executor)):
        for g in [a_grain(grain)] if grain else GRAINS:
            p = build(warehouse, when, g, progress=bars, mend=True)
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
    in_force: Annotated[
        bool,
        typer.Option(
            "--in-force",
            help="put a first model in force even where its held-out figures are worse than the list without",
        ),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="TOML file of how to learn; a list of values is tried (docs/api.md)"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Labels known by that date → models, logged to MLflow, each with its held-out figures beside the list without findings.

    A first model is put in force unless those figures are worse; a later one is a challenger until `xiezhi models promote`.
    """
    from training.fit import fit as run
    from training.promotion import bundles
    from training.settings import Learning, read_learning

    learning = read_learning(settings) if settings is not None else Learning()
    if in_force and any(b["in_force"] for b in bundles(warehouse)):
        raise UserError(
            "--in-force is for a first model; one is in force, so use `xiezhi models compare` and `promote`"
        )
    with Bars() as bars:
        done = run(
            warehouse,
            a_date(as_of),
            seed=seed,
            progress=bars,
            promote=True if in_force else None,
            entered_by=account(),
            learning=learning,
        )
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
    from training.evaluation.evaluate import evaluate as run
    from training.evaluation.report import evaluation_text

    when = a_date(as_of) if as_of else None
    with Bars() as bars:
        found = run(
            warehouse, Path(truth) if truth else None, as_of=when, dates=dates, order=an_order(order), progress=bars
        )
    say(found, as_json, lambda: evaluation_text(found))


def account() -> str:
    """Whose account runs the command, '' where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


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
    """No model fitted on what was known in the four weeks up to `when` (a challenger that waits for its signatures counts), or the one in force can score no more:
    it is damaged, or a threshold or declaration changed since."""
    from models.bundle import outdated
    from models.in_force import load_active
    from training.promotion import bundles

    try:
        if outdated(load_active(warehouse)):
            return True
    except UserError:
        return True
    ages = [(when - date.fromisoformat(b["as_of"])).days for b in bundles(warehouse) if b["as_of"]]
    return not any(0 <= age < days for age in ages)


@models_app.command("list")
def models_list(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Every model on disk: champion, challengers, former ones, damaged ones."""
    from training.promotion import bundles

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
    from claims.store.files import PRIVATE, put
    from training.evaluation.report import gate_text
    from training.promotion import compare

    report = compare(
        warehouse, challenger, a_date(as_of), top=top, order=an_order(order), truth=truth, entered_by=account()
    )
    if out is not None:
        put(out, gate_text(report).encode("utf-8"), PRIVATE)
    say(report, as_json, lambda: gate_text(report))


@models_app.command("promote")
def models_promote(
    challenger: ChallengerArgument,
    warehouse: WarehouseOption,
    signed_by: Annotated[list[str], typer.Option("--signed-by", help="an approver; give two different ones")],
    trainer: Annotated[
        str, typer.Option("--trainer", help="who trained it, and so may not sign (default: the account that fitted it)")
    ] = "",
    grain: Annotated[list[str] | None, typer.Option("--grain", help="only these grains")] = None,
    note: Annotated[str, typer.Option("--note", help="why")] = "",
    as_json: JsonOption = False,
) -> None:
    """Put a challenger in force: needs the report of `compare` and two signatures."""
    from training.promotion import full_name, promote

    chosen = [a_grain(g) for g in grain] if grain else None
    warning = promote(warehouse, challenger, signed_by, trainer=trainer, grains=chosen, entered_by=account(), note=note)
    name = full_name(warehouse, challenger)
    say(
        {"promoted": name, "by": sorted(set(signed_by)), "grains": chosen, "warning": warning},
        as_json,
        "\n".join(filter(None, [f"{name[:12]} is in force, signed by {', '.join(sorted(set(signed_by)))}", warning])),
    )


@models_app.command("rollback")
def models_rollback(
    warehouse: WarehouseOption,
    signed_by: Annotated[list[str], typer.Option("--signed-by", help="an approver; give two different ones")],
    note: Annotated[str, typer.Option("--note", help="why")] = "",
    as_json: JsonOption = False,
) -> None:
    """Put back what was in force before the last change, with two signatures."""
    from training.promotion import rollback

    back, warning = rollback(warehouse, signed_by, entered_by=account(), note=note)
    lines = [f"{g}: {n[:12]} is in force again" if n else f"{g}: no model is in force again" for g, n in back.items()]
    people = sorted(set(signed_by))
    say(
        {"in_force": back, "by": people, "warning": warning},
        as_json,
        "\n".join(filter(None, [*lines, f"signed by {', '.join(people)}", warning])),
    )


@models_app.command("history")
def models_history(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Who was in force when, and who signed."""
    from training.promotion import history

    entries = history(warehouse)
    lines = []
    for e in entries:
        moved = ", ".join(f"{g} {n[:12] or 'none'}" for g, n in e["grains"].items())
        lines.append(
            f"{e['at']}  {e['action']:<10} {moved}  {'、'.join(e['by'])}  {e.get('entered_by', '')}  {e['note']}"
        )
    say({"history": entries}, as_json, "\n".join(lines) or "no model was ever in force")


@models_app.command("card")
def models_card(
    model: Annotated[str, typer.Argument(help="its name: the first six characters or more")],
    warehouse: WarehouseOption,
    as_json: JsonOption = False,
) -> None:
    """The model card: what each grain goes by, its held-out figures beside the list without findings, the columns it leans on."""
    from training.card import card_text
    from training.promotion import challenger_bundle

    bundle = challenger_bundle(warehouse, model)
    told = {g: {"weights": m.weights, **m.facts} for g, m in bundle.grains.items()}
    say({"model": bundle.hash, "as_of": bundle.as_of, "grains": told}, as_json, lambda: card_text(bundle).rstrip())


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
    from serving.lists.export import write
    from serving.lists.prepare import build_worklist
    from training.promotion import challenger_bundle

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

"""The lists and who reads them: rank, bedcheck, explain, week, serve, demo."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.learning import account, fit_is_due, fit_text
from commands.terminal import (
    AsOfOption,
    Bars,
    ByOption,
    CampaignOption,
    ExecutorOption,
    GrainOption,
    JsonOption,
    OrderOption,
    OutOption,
    WarehouseOption,
    a_campaign,
    a_date,
    a_grain,
    a_moment,
    an_order,
    check_out,
    of_day,
    say,
)

app = typer.Typer()


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
    by: ByOption = "",
    campaign: CampaignOption = "",
    as_json: JsonOption = False,
) -> None:
    """The list of one grain: ranked suspects, a random draw beside them, reasons and amounts."""
    from serving.lists import published
    from serving.lists.export import write

    check_out(out)
    when, what, how = a_date(as_of), a_grain(grain), an_order(order)
    special = a_campaign(campaign, warehouse)
    file = out.suffix.lower() in (".csv", ".xlsx")
    usual = window_days is None and how == "probability" and not by and not campaign and file
    made = published.worklist(warehouse, when, what, top) if usual else None
    if made is None:
        from serving.lists.prepare import build_worklist

        with Bars() as bars:
            bars("ranking", 0.0)
            made = build_worklist(
                warehouse, when, what, top, window_days=window_days, order=how, by=by, campaign=special
            )
    write(made, out)
    summary = {
        "out": str(out),
        "grain": grain,
        "as_of": as_of,
        "order": order,
        "by": by,
        "campaign": campaign,
        "model": made.facts["model"],
        "rows": len(made.rows),
        "notes": [n.text for n in made.notes],
    }
    nobody = f" (no {grain} was active in the {made.facts['window_days']} days before this date)"
    nobody = f" (no {grain} belongs to {campaign})" if campaign else nobody
    told = f" by {made.facts['model']}" if made.facts["population"] else nobody
    say(summary, as_json, f"{out}: {len(made.rows)} rows{told}. 疑点线索，非违规结论")


@app.command()
def bedcheck(
    warehouse: WarehouseOption,
    at: Annotated[str, typer.Option("--at", help='"YYYY-MM-DD HH:MM"', callback=of_day)],
    out: OutOption,
    top: Annotated[int, typer.Option("--top", help="beds to visit")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Stays open at that moment, ranked by the chance that the bed is empty."""
    from serving.lists.bedcheck import build_bedcheck
    from serving.lists.export import write

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
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Every reason with its number, peer figure, SHAP contribution and claim rows; sensitive diagnoses and what tells them under their cover."""
    from serving.desk.diagnoses import groups_of
    from serving.lists import published
    from serving.lists.dossier_text import explain_text
    from serving.web.masking import without_diagnoses

    when, what = a_date(as_of), a_grain(grain)
    found = None if by else published.dossier(warehouse, when, what, entity_id)
    if found is None:
        from serving.lists.explained import explain as run  # seconds of start-up that what was published does not need

        found = run(warehouse, when, what, entity_id, by)
    found = without_diagnoses(found, what, groups_of(warehouse))
    say(found, as_json, lambda: explain_text(found))


@app.command()
def week(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    top: Annotated[int, typer.Option("--top", help="rows per list that capacity allows")] = 50,
    refit: Annotated[bool, typer.Option("--refit", help="fit even if it is not due")] = False,
    executor: ExecutorOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Features → fit if due → all lists, published as one run.

    A fit is due four weeks after the last, and at once where a changed threshold or declaration keeps the model in force from scoring. Lists that could not be made are
    named with the reason; the exit code is 1 where a model or a file in disorder is to blame and not the data.
    """
    from claims.store.executor import working_on
    from claims.store.executors import executor_of
    from serving.lists.publish import publish_week
    from training.fit import fit as run_fit

    when = a_date(as_of)
    fitted: dict[str, Any] | None = None
    with Bars() as bars, working_on(executor_of(executor)):
        if refit or fit_is_due(warehouse, when):
            fitted = run_fit(warehouse, when, progress=bars, entered_by=account()).to_json()
        run = publish_week(warehouse, when, top=top, progress=bars)
    lists = {g: len(run.worklist(g)["rows"]) for g in run.grains}
    absent, broken = run.manifest["absent"], run.manifest["broken"]
    published = f"published {run.name}: " + ", ".join(f"{g} {n}" for g, n in lists.items())
    missing = [f"no list of {g}: {why}" for g, why in absent.items()]
    say(
        {"as_of": as_of, "run": run.name, "lists": lists, "absent": absent, "broken": broken, "fit": fitted},
        as_json,
        "\n".join([*([fit_text(fitted)] if fitted else []), published, *missing]),
    )
    if broken:
        raise typer.Exit(1)


@app.command()
def serve(
    warehouse: WarehouseOption,
    port: Annotated[int, typer.Option("--port", help="port on this machine")] = 3000,
    host: Annotated[
        str, typer.Option("--host", help="address to listen on; loopback unless told otherwise")
    ] = "127.0.0.1",
    workers: Annotated[int | None, typer.Option("--workers", help="processes; XIEZHI_WORKERS, or two")] = None,
    as_json: JsonOption = False,
) -> None:
    """The BentoML service with the pages; prints the address."""
    from serving.service import serve as run

    code = run(warehouse, port, host, workers, as_json=as_json)
    if code:
        raise typer.Exit(code)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--dir", help="where the demo county lives")] = Path("build/demo"),
    persons: Annotated[int, typer.Option("--persons", help="insured persons")] = 20_000,
    months: Annotated[int, typer.Option("--months", help="months of claims")] = 12,
    seed: Annotated[
        int, typer.Option("--seed", help="same seed, same county")
    ] = 5,  # one of its five rings meets often enough to be found by the last day
    port: Annotated[int, typer.Option("--port", help="port of the pages on this machine")] = 3000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="stop before the pages")] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--walk", help="follow two leads: last week's list, reviews, visit, decision, findings, this week's list"
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The whole way on a simulated county; run again, it goes on where it stands."""
    from claims.intake.pipeline import intake as run_intake
    from claims.store.warehouse import Warehouse
    from serving.lists.publish import publish_week
    from simulator import simulate as run_simulate
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
            run_fit(house, when, progress=bars, entered_by=account())
        run = publish_week(house, when, top=20, progress=bars)
    lists = {g: len(run.worklist(g)["rows"]) for g in run.grains}
    summary = {"warehouse": str(house), "truth": str(county / "truth"), "as_of": when.isoformat(), "run": run.name, "lists": lists, "seconds": round(time.monotonic() - started, 1)}  # fmt: skip
    say(
        summary,
        as_json,
        f"{house}: lists of {when} published in {summary['seconds']} s: "
        + ", ".join(f"{g} {n}" for g, n in lists.items()),
    )
    from commands.desk import demo_accounts

    for line in demo_accounts(house):
        print(line, flush=True)
    if follow:
        from commands.walk import walk

        walk(house, when, folder / f"decided-{when}")
    if not no_serve:
        serve(house, port)

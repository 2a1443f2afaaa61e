"""Inspectors on the road: draw (commit, take, check, estimate), plan, normal, charts, bedsheet, bedteams, morning, ladder, brief."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from claims.clock import wall_clock
from claims.errors import UserError
from commands.terminal import (
    AsOfOption,
    Bars,
    ByOption,
    CampaignOption,
    JsonOption,
    WarehouseOption,
    a_campaign,
    a_date,
    a_moment,
    check_out,
    of_day,
    say,
    there,
)

app = typer.Typer()
draw_app = typer.Typer(
    no_args_is_help=True, help="The draw (双随机): promise a salt, take it, check it, estimate from it."
)
app.add_typer(draw_app, name="draw")
campaign_app = typer.Typer(no_args_is_help=True, help="Campaigns (专项): list them.")
app.add_typer(campaign_app, name="campaign")


@campaign_app.command("list")
def campaign_list(
    warehouse: WarehouseOption, as_of: Annotated[str | None, typer.Option("--as-of", help="YYYY-MM-DD; default: the last day of the data", callback=of_day)] = None, as_json: JsonOption = False
) -> None:  # fmt: skip
    """Every campaign: what it is about, its schemes and rules, units with claims of it in a year, and what the claims lack for it."""
    from claims.store.warehouse import Warehouse
    from features.grains import SCHEMES
    from inspection.campaigns import UNEVALUABLE, campaigns, claims_of, lacking

    house = Warehouse.open(warehouse)
    when = a_date(as_of) if as_of else house.span()[1].date()
    known = campaigns(warehouse)
    gone = lacking(house, when, known.values())
    told = []
    for name, one in known.items():
        found = None if name in gone else claims_of(warehouse, when, one)
        sums = (
            {}
            if found is None
            else {"units": len(found), "claims": int(found["claims"].sum()), "yuan": float(found["fen"].sum()) / 100}
        )
        told.append({**one.to_json(), "lacks": gone.get(name, ""), **sums})

    def line(t: dict[str, Any]) -> str:
        what = "、".join([*(SCHEMES[s] for s in t["schemes"]), *t["rules"]])
        size = (
            f"{UNEVALUABLE}：{t['lacks']}"
            if t["lacks"]
            else f"{t['units']} 家机构，一年 {t['claims']:,} 笔，{t['yuan']:,.0f} 元"
        )
        return f"{t['name']}  {size}\n    {what}。{t['about']}"

    say({"as_of": when.isoformat(), "campaigns": told}, as_json, lambda: "\n".join(map(line, told)))


NameOption = Annotated[str, typer.Option("--name", help="which draw, for example 2026-W48")]
SaltOption = Annotated[list[str], typer.Option("--salt", help="what each person promised, one --salt each")]


@draw_app.command("commit")
def draw_commit(
    warehouse: WarehouseOption,
    name: NameOption,
    by: Annotated[str, typer.Option("--by", help="who promises")],
    salt: Annotated[str, typer.Option("--salt", help="eight characters or more, told to nobody until the draw")],
    as_json: JsonOption = False,
) -> None:
    """Promise a salt: only its hash is kept. Two people do so before the draw; neither can then steer it."""
    from inspection.ledger import promise

    kept = promise(warehouse, name, by, salt)
    say(
        asdict(kept),
        as_json,
        f"抽查 {name}：{by} 已公布散列 {kept.sha256}（数据版本 {kept.version}）；请保管好盐值，抽取时给出",
    )


@draw_app.command("take")
def draw_take(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    name: NameOption,
    salt: SaltOption,
    public: Annotated[
        str,
        typer.Option(
            "--public", help="a public number from after the promises; default: the seal of the next data taken in"
        ),
    ] = "",
    share: Annotated[float, typer.Option("--share", help="share of all units")] = 0.1,
    explore: Annotated[
        float, typer.Option("--explore", help="share of the draw for regions that no chosen case covers")
    ] = 0.3,
    area: Annotated[
        list[str] | None, typer.Option("--area", help="only units of these areas; repeat for several")
    ] = None,
    campaign: CampaignOption = "",
    as_json: JsonOption = False,
) -> None:
    """Draw units by chance: strata area × kind and level × size, each with its exact chance, from a seed nobody chose alone."""
    from inspection.ledger import draw_units
    from inspection.sites import load_sites

    special = a_campaign(campaign, warehouse)
    kept = draw_units(warehouse, a_date(as_of), name, salt, public, share, explore, area or (), special)
    lines = [f"抽查 {name}：{kept['population']} 家中抽取 {kept['size']} 家，种子 {kept['seed'][:16]}…", *kept["notes"]]
    names = {s.id: s.name for s in load_sites(warehouse, a_date(as_of))}
    lines += [
        f"  {d['entity_id']}  {names[d['entity_id']]}（{d['stratum'].replace('|', '、')}）  抽中概率 {d['chance']:.4f}"
        for d in kept["drawn"]
    ]
    say(kept, as_json, "\n".join(lines))


@draw_app.command("check")
def draw_check(warehouse: WarehouseOption, name: NameOption, as_json: JsonOption = False) -> None:
    """Compute a kept draw again from its seed and say whether it repeats."""
    from inspection.ledger import repeats

    wrong = repeats(warehouse, name)
    say(
        {"name": name, "repeats": not wrong, "differs": wrong},
        as_json,
        "\n".join(wrong) or f"抽查 {name} 可由种子重算，结果一致",
    )
    if wrong:
        raise typer.Exit(1)


@draw_app.command("estimate")
def draw_estimate(warehouse: WarehouseOption, as_of: AsOfOption, as_json: JsonOption = False) -> None:
    """What the draw found by that day and what it says of all units: violation rate, amount, lift of the list, and whether lists still keep what they promise."""
    from inspection.ledger import GRAINS, estimates, estimates_text
    from serving.lists.earlier import drawn_and_ranked_before

    when = a_date(as_of)
    found = estimates(warehouse, when, {g: drawn_and_ranked_before(warehouse, when, g) for g in GRAINS})
    say(found, as_json, lambda: estimates_text(found))


@app.command()
def plan(
    warehouse: WarehouseOption,
    week: Annotated[str, typer.Option("--week", help="ISO week, for example 2026-W48")],
    out: Annotated[
        list[Path] | None, typer.Option("--out", help="files to write: .csv, .json, .ics, .svg; repeat for several")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="show it on the page /plan, as the plan in force")] = False,
    teams: Annotated[
        int | None, typer.Option("--teams", help="inspection teams; default: those of the settings")
    ] = None,
    days: Annotated[int, typer.Option("--days", help="days from Monday on")] = 5,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="YYYY-MM-DD; default: the day before the week, or the last of the data"),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="teams, hours, floors and a person's changes (.toml)")
    ] = None,
    draw: Annotated[
        str,
        typer.Option("--draw", help="name of the draw whose units come first; default: the week, where there is one"),
    ] = "",
    by: ByOption = "",
    campaign: CampaignOption = "",
    as_json: JsonOption = False,
) -> None:
    """The week's plan: units, teams, days, hours and order on the road, worth most in expectation, with its distance from the best possible."""
    from inspection.campaigns import of_campaign
    from inspection.ledger import draw_name, drawn_of
    from inspection.plan import make_plan
    from inspection.plan_files import check_ending, plan_text, write_plan
    from inspection.plan_store import left_over, publish_plan
    from inspection.settings import read_settings, with_declared, with_teams
    from inspection.sites import load_sites
    from serving.desk import conflicts
    from serving.desk.plan_changes import counted, of_warehouse, told
    from serving.lists.worth import worth_of_units

    for file in out or []:
        check_ending(file)
    asked, special = with_teams(read_settings(settings), teams), a_campaign(campaign, warehouse)
    name = draw or (draw_name(week, campaign) if campaign else week)
    with Bars() as bars:
        bars("units", 0.0)
        changes = of_warehouse(warehouse, week)
        asked = counted(asked, changes)
        asked = with_declared(asked, conflicts.of_warehouse(warehouse))
        when = planned_from(warehouse, week, days, as_of)
        every = sites = load_sites(warehouse, when)
        if special is not None:
            sites = of_campaign(warehouse, when, sites, special)
        outside = {s.id: s.name for s in every} if special is not None else {}
        outside = {c: n for c, n in outside.items() if c not in {s.id for s in sites}}
        bars("scores", 0.0)
        expected = worth_of_units(warehouse, when, by, special)
        bars("routes", 0.0)
        drawn = list(
            dict.fromkeys([*drawn_of(warehouse, name, asked=bool(draw)), *left_over(warehouse, week, campaign)])
        )
        made = make_plan(sites, expected, asked, week=week, days=days, drawn=drawn, outside=outside)
    for file in out or []:
        write_plan(made, file)
    shown = ""
    if publish:
        units = {s.id: (s.name, s.area) for s in every}
        kept = [told(c, *units.get(c["site"], (c["site"], ""))) for c in changes]
        shown = publish_plan(warehouse, made, as_of=when.isoformat(), campaign=campaign, changes=kept, drawn=drawn).name
    say(
        {**json.loads(json.dumps(made.to_json(), default=str)), "published": shown},
        as_json,
        lambda: plan_text(made) + (f"\n已发布 {shown}，见 /plan" if shown else ""),
    )


def planned_from(warehouse: Path, week: str, days: int, as_of: str | None) -> date:
    """The day whose knowledge a plan uses: as asked, else the day before its week, never after the last of the data."""
    from datetime import timedelta

    from claims.store.warehouse import Warehouse
    from inspection.plan import week_days

    if as_of:
        return a_date(as_of)
    dates, told = week_days(week, days)
    if not dates:
        raise UserError("；".join(told))
    return min(dates[0] - timedelta(days=1), Warehouse.open(warehouse).span()[1].date())


@app.command()
def normal(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    unit: Annotated[list[str] | None, typer.Option("--id", help="only this hospital; repeat for several")] = None,
    days: Annotated[int, typer.Option("--days", help="stays ended in the last so many days")] = 365,
    as_json: JsonOption = False,
) -> None:
    """What each hospital's stays would have cost and lasted at its peers, by age, diagnosis and operation: the gap with an interval, its parts, and the jump against its own earlier level."""
    from inspection.normal import load_earlier, load_stays, normals
    from inspection.sites import load_sites

    when = a_date(as_of)
    found = normals(load_stays(warehouse, when, days), unit, earlier=load_earlier(warehouse, when, days))
    names = {s.id: s.name for s in load_sites(warehouse, when)}
    say(
        {"as_of": as_of, "units": [n.to_json() for n in found]},
        as_json,
        "\n".join(f"{names.get(n.unit, '')} {n.unit}：{n.text}".lstrip() for n in found),
    )


@app.command()
def charts(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    unit: Annotated[str, typer.Option("--id", help="the hospital")],
    size: Annotated[int, typer.Option("--size", help="charts to pull")] = 20,
    seed: Annotated[str, typer.Option("--seed", help="what the sample depends on, for example the draw's name")] = "",
    days: Annotated[int, typer.Option("--days", help="stays ended in the last so many days")] = 365,
    out: Annotated[
        Path | None, typer.Option("--out", help="the charts to pull (.csv), with an empty column amount")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", help="the same file filled: what it says of all stays")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Which charts to pull at a hospital; and, once they are checked, what they say of all its stays: an estimate, never a claim."""
    from inspection.charts import extrapolate, pull, stratum_zh
    from inspection.normal import load_stays
    from inspection.tables import read_table, write_table

    if out is not None:
        check_out(out, (".csv",))
    stays = load_stays(warehouse, a_date(as_of), days)
    pulled = pull(stays, unit, size, seed)
    if results is not None:
        said = extrapolate(pulled, read_table(results, ["mdtrt_id", "amount"]), int((stays["unit"] == unit).sum()))
        say(asdict(said), as_json, said.text)
        return
    if out is not None:
        write_table(pulled.assign(amount=""), out)
    every = int((stays["unit"] == unit).sum())
    lines = [f"{unit} 近 {days} 天住院 {every} 例，抽取病历 {len(pulled)} 份"]
    lines += [f"要抽 {size} 份，多于住院例数：已全部列出，每份只代表自己"] if size > every else []
    lines += [
        f"{r['mdtrt_id']}  {stratum_zh(str(r['stratum']))}  {r['cost']:,.0f} 元  代表 {r['factor']:.1f} 份"
        for r in pulled.to_dict("records")
    ]
    say(
        {"unit": unit, "stays": every, "charts": pulled.to_dict("records")},
        as_json,
        "\n".join(lines),
    )


@app.command()
def bedsheet(
    warehouse: WarehouseOption,
    at: Annotated[str, typer.Option("--at", help='"YYYY-MM-DD HH:MM"', callback=of_day)],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="the sheet to fill (.csv or .xlsx); beside it NAME.list.json, which stays at the desk"
        ),
    ],
    top: Annotated[int, typer.Option("--top", help="beds to visit")] = 20,
    as_json: JsonOption = False,
) -> None:
    """The bed check as a sheet in walking order: hospital, ward, bed, what to ask; and when to come to each hospital."""
    from claims.store.files import PRIVATE, put
    from inspection.bedsheet import bed_sheet, in_order, places
    from inspection.hours import best_hours
    from inspection.sheet_file import as_workbook
    from inspection.tables import write_table
    from serving.desk import diagnoses
    from serving.lists.bedcheck import build_bedcheck

    check_out(out, (".csv", ".xlsx"))
    moment = a_moment(at)
    with Bars() as bars:
        bars("beds", 0.0)
        rows = build_bedcheck(warehouse, moment, top).rows
    hidden = diagnoses.groups_of(warehouse)
    beds = in_order(rows, places(warehouse, moment, list(rows["entity_id"])), moment, hidden)
    names, sheet = {b.unit: b.hospital for b in beds}, bed_sheet(beds)
    hours = best_hours(warehouse, moment, sorted(set(rows["fixmedins_code"]) - {""}))
    if out.suffix.lower() == ".xlsx":
        put(out, as_workbook(sheet, at), PRIVATE)
    else:
        write_table(sheet, out)
    kept = rows[["entity_id", "slot", "rank", "selection_prob", "risk"]].copy()
    kept["unit"] = rows["fixmedins_code"].map(lambda c: names.get(c, c))  # as the morning after tells it
    told = (json.dumps({"at": at, "rows": kept.to_dict("records")}, ensure_ascii=False) + "\n").encode()
    put(out.with_suffix(".list.json"), told, PRIVATE)
    short = f"（要 {top} 床，当晚在院可查的只有这些）" if len(sheet) < top else ""
    lines = [f"{out}：{len(sheet)} 床{short}。疑点线索，非违规结论"]
    lines += [f"  {names.get(h.unit, h.unit)}：{h.text}" for h in hours]
    summary = {"out": str(out), "at": at, "rows": len(sheet), "hours": [h.to_json() for h in hours]}
    say(summary, as_json, "\n".join(lines))


@app.command()
def bedteams(
    warehouse: WarehouseOption,
    teams: Annotated[
        int | None, typer.Option("--teams", help="unnamed teams of two, or the first so many of --settings")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="the office's teams and hours (.toml), as of xiezhi plan")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tonight's hospitals (of the published bed check) divided among teams of two in the order of the road; without --teams and --settings those of the plan in force. Pages show it."""
    from inspection.evening_teams import divide, teams_of_plan
    from inspection.plan_store import current_plan
    from inspection.settings import read_settings, with_declared, with_teams
    from inspection.sites import load_sites
    from serving import evening
    from serving.desk import conflicts
    from serving.lists.publish import current

    run = current(warehouse)
    sheet = evening.sheet_of(run)
    asked = read_settings(settings)
    if teams is None and not asked.teams:
        plan = current_plan(warehouse)
        if plan is None:
            raise UserError("没有检查组；请给出 --teams，或 --settings，或先用 xiezhi plan … --publish 发布计划")
        asked = teams_of_plan(asked, plan.plan)
    else:
        asked = with_teams(asked, teams)
    asked = with_declared(asked, conflicts.of_warehouse(warehouse))
    with Bars() as bars:
        bars("teams", 0.0)
        told = divide(run.bedsheet()["beds"], load_sites(warehouse, sheet.at), asked, sheet.at)
    evening.keep_teams(warehouse, run, told)
    lines = [f"{run.name}：{sheet.at:%Y-%m-%d} 晚，{len(sheet.beds)} 床，{len(told['teams'])} 组"]
    for team in told["teams"]:
        way = " → ".join(f"{s['start']} {s['hospital']} {s['beds']} 床" for s in team["stops"]) or "无"
        lines.append(f"  {team['name']}（{'、'.join(team['members'])}）{team['beds']} 床：{way}")
    lines += [f"  {word}" for word in (*told["unmet"], *told["notes"])]
    say({"run": run.name, **told}, as_json, "\n".join(lines))


@app.command()
def morning(
    kept: Annotated[Path | None, typer.Option("--list", help="NAME.list.json of the evening")] = None,
    results: Annotated[Path | None, typer.Option("--results", help="the sheet filled: .csv or .xlsx")] = None,
    warehouse: Annotated[
        Path | None,
        typer.Option("--warehouse", help="or: the results confirmed by two officers at the desk of this warehouse"),
    ] = None,
    run: Annotated[str, typer.Option("--run", help="of which list, DAY/RUN; default: the published one")] = "",
    as_json: JsonOption = False,
) -> None:
    """The morning after a bed check: found by rank against found by chance and against what the list promised, per hospital; what could not be counted is told."""
    import pandas as pd

    from inspection.morning import morning as compare
    from inspection.morning import morning_text
    from inspection.tables import read_table

    if warehouse is not None:
        from serving.desk.database import open_desk
        from serving.evening import morning_of
        from serving.lists.publish import current, open_run

        there(warehouse)
        said = morning_of(open_desk(warehouse), open_run(warehouse / "lists" / run) if run else current(warehouse))
    elif kept is None or results is None:
        raise UserError("请给出 --list 和 --results，或者 --warehouse")
    else:
        try:
            listed = pd.DataFrame(json.loads(kept.read_text("utf-8"))["rows"])
            if not {"entity_id", "slot"} <= set(listed):
                raise KeyError
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{kept}：不是查床单的名单文件；请给出 xiezhi bedsheet 写出的 .list.json") from None
        said = compare(listed, read_table(results, ["就诊号", "结果"]))
    say(said.to_json(), as_json, lambda: morning_text(said))


@app.command()
def ladder(
    warehouse: WarehouseOption,
    month: Annotated[str, typer.Option("--month", help="YYYY-MM")],
    out: Annotated[Path, typer.Option("--out", help="the table to publish (.csv)")],
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="indicators and grades (.toml); then the points are written instead"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The table that offices publish of their hospitals, or the thousand points with a grade proposed; no cell of fewer than ten stays."""
    from inspection.ladder import month_of, public_table, published, read_ladder, scored
    from inspection.tables import write_table

    check_out(out, (".csv",))
    asked = read_ladder(settings) if settings else None
    table = public_table(warehouse, month_of(month))
    told = scored(table, asked) if asked else published(table)
    write_table(told, out)
    say(
        {"out": str(out), "month": month, "units": len(told)},
        as_json,
        f"{out}：{len(told)} 家医院。等级为建议，由人评定",
    )


@app.command()
def brief(
    warehouse: WarehouseOption,
    out: Annotated[Path, typer.Option("--out", help="the document (.docx) of one unit, or a folder for several")],
    unit: Annotated[list[str] | None, typer.Option("--id", help="the unit; repeat for several")] = None,
    plan_file: Annotated[Path | None, typer.Option("--plan", help="a week's plan (.json): all its units")] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="YYYY-MM-DD of the published lists; default: those in force", callback=of_day),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="who takes it along; stands in its head")] = "命令行",
    as_json: JsonOption = False,
) -> None:
    """The pre-visit brief of units as published with the week: story, peers, charts, shelves, questions, months to reconcile; two pages."""

    from claims.store.files import PRIVATE, SEAL, put
    from inspection.plan_files import read_visits
    from serving.lists.publish import current
    from serving.lists.published import runs_of
    from serving.papers.brief import Brief, brief_document

    visits = read_visits(plan_file) if plan_file else {}
    units = list(dict.fromkeys([*(unit or ()), *visits]))
    if not units:
        raise UserError("没有指明机构；请用 --id 机构编码，或 --plan 计划.json")
    single = out.suffix.lower() == ".docx"
    if single and len(units) > 1:
        raise UserError(f"--out {out}：{len(units)} 家机构放不进一份文档；请给出文件夹")
    if not out.resolve().parent.is_dir():
        raise UserError(f"--out {out}：所在文件夹不存在；请先建好")
    runs = [current(warehouse)] if as_of is None else runs_of(warehouse, a_date(as_of))
    if not runs:
        raise UserError(f"{as_of} 没有发布过清单；请先运行 xiezhi week --warehouse {warehouse} --as-of {as_of}")
    run, when = runs[0], f"{wall_clock():%Y-%m-%d %H:%M}"
    made = {}
    for code in units:  # all, before any is written
        told = run.brief(code)
        made[code] = brief_document(Brief(told, run.name, str(run.manifest[SEAL]), by, when, visits.get(code, "")))
    files = {code: out if single else out / f"检查前简报_{code}.docx" for code in units}
    if not single:
        out.mkdir(mode=0o700, exist_ok=True)
    for code, body in made.items():
        put(files[code], body, PRIVATE)
    say(
        {"run": run.name, "files": {c: str(f) for c, f in files.items()}},
        as_json,
        "\n".join([*(f"{f}" for f in files.values()), f"批次 {run.name}，{len(files)} 份。疑点线索，非违规结论"]),
    )

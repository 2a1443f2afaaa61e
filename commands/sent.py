"""Lists sent down from above (sent: look, import, return), what units report of themselves (selfcheck), and visits due again (lookback)."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from claims.errors import UserError
from commands.desk import BY
from commands.terminal import AsOfOption, Bars, JsonOption, WarehouseOption, a_date, check_out, say

app = typer.Typer()
sent_app = typer.Typer(
    no_args_is_help=True, help="下发疑点: take in a list sent down from above, give it back answered."
)
app.add_typer(sent_app, name="sent")

FileArgument = Annotated[Path, typer.Argument(help="the workbook as it came (.xlsx)")]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", help="TITLE=FIELD: what a column is, where the proposal is not sure or wrong; TITLE= leaves it out"
    ),
]


def columns_of(given: list[str] | None) -> dict[str, str]:
    """TITLE=FIELD as a mapping. UserError for one without =."""
    out = {}
    for text in given or ():
        title, sign, field = text.rpartition("=")
        if not sign or not title:
            raise UserError(f"--column {text!r}：请写 表头=字段，例如 单据号=setl_id")
        out["".join(title.split())] = field.strip()
    return out


@sent_app.command("look")
def sent_look(file: FileArgument, column: ColumnOption = None, as_json: JsonOption = False) -> None:
    """What each column of a list is taken for, before anything is taken in."""
    from inspection.sent import told_of, understand
    from inspection.workbooks import read_workbook

    body, _ = read_workbook(file)
    sent = understand(body, file.name, columns_of(column))
    sheets = [
        {
            "sheet": t.listed.sheet,
            "line": t.listed.line,
            "rows": len(t.listed.rows),
            "columns": [vars(c) for c in t.choices],
        }
        for t in sent.tables
    ]
    say({"file": str(file), "sheets": sheets, "unread": list(sent.unread)}, as_json, lambda: "\n".join(told_of(sent)))


@sent_app.command("import")
def sent_import(
    file: FileArgument,
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    deadline: Annotated[
        str, typer.Option("--deadline", help="a date (2026-12-15), or so many working days from today")
    ],
    name: Annotated[
        str, typer.Option("--name", help="what the list is called at the desk; default: the file's name")
    ] = "",
    source: Annotated[str, typer.Option("--source", help="who sent it, for example 国家医保局")] = "上级医保部门",
    large: Annotated[
        float, typer.Option("--large", help="yuan from which an amount alone puts a row among the first")
    ] = 5_000.0,
    column: ColumnOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a list in: columns proposed, each row matched to claims and put on a heap with grounds and defences, a case for each subject."""
    from inspection.sent import counts, told_of, understand
    from inspection.workbooks import read_workbook
    from serving.desk import sent as desk_sent
    from serving.desk.database import open_desk
    from serving.desk.workdays import today
    from serving.sent_down import How, take_in

    day, due = a_date(as_of), desk_sent.deadline(deadline)
    body, _ = read_workbook(file)
    number = name or file.stem[:32]
    with Bars() as bars:
        how = How(number, source, day, due, BY, large)
        given = understand(body, file.name, columns_of(column))
        understood, placed, done = take_in(
            open_desk(warehouse), warehouse, given, body, how, lambda step, _: bars(step, 0.0)
        )
    found = counts(placed)
    told = [
        {
            "sheet": r.sheet,
            "line": r.line,
            "number": r.number,
            "match": r.match.level,
            "how": r.match.how,
            "told": list(r.facts.told if r.facts else ()),
            "tier": r.sorted.tier if r.sorted else "",
        }
        for r in placed
    ]
    summary = {
        "name": number,
        "due": str(today(due)),
        "came": understood.rows,
        "kept": len(placed),
        **done,
        **found,
        "rows_told": told,
        "unread": list(understood.unread),
    }

    def text() -> str:
        lines = [
            *told_of(understood),
            f"{number}：来文 {understood.rows} 行，留存 {len(placed)} 行；期限 {today(due)}",
        ]
        lines.append("匹配：" + "，".join(f"{k} {n}" for k, n in found["match"].items()))
        lines.append(
            "分档：" + "，".join(f"{k} {n}" for k, n in found["tier"].items()) + "。分档只是先后，每行都须在期限前反馈"
        )
        lines.append(f"立案 {done['cases']} 件（新立 {done['new']}，并入在办 {done['joined']}）")
        for r in placed:
            if r.facts and (r.facts.told or not r.match.found):
                lines.append(
                    f"  {r.sheet} 第{r.line}行 {r.number}：{'；'.join([] if r.match.found else [r.match.how])}{'；' if not r.match.found and r.facts.told else ''}{'；'.join(r.facts.told)}"
                )
        return "\n".join(lines)

    say(summary, as_json, text)


@sent_app.command("return")
def sent_return(
    warehouse: WarehouseOption,
    name: Annotated[str, typer.Option("--name", help="what the list is called at the desk")],
    out: Annotated[Path, typer.Option("--out", help="the workbook to send back (.xlsx)")],
    as_json: JsonOption = False,
) -> None:
    """The list in the form it came, its result columns filled with what cases and answers say; tells what is not answered and how late."""
    from claims.store.files import PRIVATE, put
    from serving.desk import sent as desk_sent
    from serving.desk.database import open_desk
    from serving.desk.people import Person

    check_out(out, (".xlsx",))
    desk, me = open_desk(warehouse), Person(0, BY, BY, "", frozenset())
    sent_id = desk_sent.numbered(desk, name)
    found = desk_sent.one(desk, me, sent_id)
    body, counted = desk_sent.given(desk_sent.to_give(desk, me, sent_id))
    put(out, body, PRIVATE)
    open_rows = [f"{r['sheet']} 第{r['line']}行 {r['number']}" for r in found["lines"] if not r["result"].verdict]
    lines = [f"{out}：来文 {counted.came} 行，已答复 {counted.answered} 行；{desk_sent.said(found)}"]
    lines += (
        [f"未答复 {len(open_rows)} 行：" + "、".join(open_rows[:10]) + ("等" if len(open_rows) > 10 else "")]
        if open_rows
        else []
    )
    lines += [f"原有内容未改动：{'、'.join(counted.kept[:10])}"] if counted.kept else []
    summary = {
        "out": str(out),
        "came": counted.came,
        "answered": counted.answered,
        "open": open_rows,
        "kept": list(counted.kept),
    }
    say(summary, as_json, "\n".join(lines))


class _Default(typer.core.TyperGroup):
    """`xiezhi selfcheck --report …` compares; a first word that is a command of its own (form) is that command."""

    default = "compare"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(
            ctx, args if args and args[0] in (*self.commands, "--help") else [self.default, *args]
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == self.default else name), command, rest


selfcheck_app = typer.Typer(
    cls=_Default, help="自查自纠: what a unit reports of itself against the scan of it by all rules."
)
app.add_typer(selfcheck_app, name="selfcheck")


@selfcheck_app.command("compare")
def selfcheck_compare(
    report: Annotated[Path, typer.Option("--report", help="the unit's own report (.xlsx)")],
    unit: Annotated[str, typer.Option("--unit", help="the unit")],
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    days: Annotated[int, typer.Option("--days", help="visits settled in the last so many days")] = 365,
    column: ColumnOption = None,
    as_json: JsonOption = False,
) -> None:
    """What both found, what only the unit reported, what only the rules found; kept for the page /selfchecks."""
    from inspection import selfcheck
    from inspection.sent import matched, told_of, understand
    from inspection.workbooks import read_workbook

    if not 1 <= days <= 730:
        raise UserError(f"--days {days}：请给出 1 到 730")
    day = a_date(as_of)
    body, _ = read_workbook(report)
    understood = understand(body, report.name, columns_of(column))
    with Bars() as bars:
        bars("claims", 0.0)
        understood, rows, claims = matched(understood, warehouse, day)
        bars("rules", 0.0)
        found = selfcheck.scan(warehouse, unit, day, days)
    name, area = claims.units[unit]
    about = {
        "unit": unit,
        "unit_name": name,
        "area": area,
        "as_of": day.isoformat(),
        "days": days,
        "file": report.name,
        "sha256": understood.sha256,
    }
    document = about | selfcheck.compare(understood, rows, unit, found)
    selfcheck.keep(warehouse, document)
    say(document, as_json, lambda: "\n".join([*told_of(understood), selfcheck.text_of(document)]))


@selfcheck_app.command("form")
def selfcheck_form(
    out: Annotated[Path, typer.Option("--out", help="the form to write (.xlsx)")],
    unit: Annotated[str, typer.Option("--unit", help="whose form it is, printed in its head")] = "",
    as_json: JsonOption = False,
) -> None:
    """A blank form for units: numbers as text, kinds of problem from a drop-down."""
    from inspection.selfcheck import FORM, FORM_ROWS, blank_form

    check_out(out, (".xlsx",))
    blank_form(out, unit)
    say({"out": str(out), "columns": list(FORM), "rows": FORM_ROWS}, as_json, f"{out}：自查自纠表，{FORM_ROWS} 行")


@app.command()
def lookback(
    warehouse: WarehouseOption,
    as_of: AsOfOption,
    days: Annotated[int, typer.Option("--days", help="days counted on each side")] = 90,
    as_json: JsonOption = False,
) -> None:
    """回头看: visits due again, and each unit's practice before and after by the same rules; kept for the page /lookback."""
    from claims.store.files import PRIVATE, put, sealed
    from inspection.lookback import LEAST_DAYS, practice
    from inspection.sites import load_sites
    from serving.desk import lookbacks
    from serving.desk.database import open_desk
    from serving.desk.people import Person
    from serving.desk.workdays import today
    from serving.web.practices import PRACTICES, content

    if not LEAST_DAYS <= days <= 365:
        raise UserError(f"--days {days}：请给出 {LEAST_DAYS} 到 365")
    day = a_date(as_of)
    due = lookbacks.due(open_desk(warehouse), Person(0, BY, BY, "", frozenset()))
    kept: dict[str, Any] = {}
    with Bars() as bars:
        for i, case in enumerate(due):
            bars("practices", i, len(due))
            if not case["unit"]:
                continue
            rules = rules_of_case(warehouse, case)
            listed = a_date(case["lead"]["as_of"]) if case["lead"] else today(case["decided_at"])
            kept[case["number"]] = practice(
                warehouse, case["unit"], rules, listed, today(case["decided_at"]), day, days
            ).to_json()
    names = {s.id: s.name for s in load_sites(warehouse, day)} if due else {}
    contents = {c["number"]: content(warehouse, c) for c in due}
    put(warehouse / PRACTICES, sealed({"as_of": as_of, "days": days, "cases": kept}), PRIVATE)
    lines = [f"待回头看 {len(due)} 件，截至 {as_of}"]
    for case in due:
        late = f"已逾期 {-case['left']} 个工作日" if case["left"] < 0 else f"剩 {case['left']} 个工作日"
        told = kept.get(case["number"])
        lines.append(
            f"{case['number']} {names.get(case['unit'], case['unit']) or case['grain']}：{today(case['look_at'])} 前回访，{late}"
            + (f"；{told['verdict']}{'（' + told['note'] + '）' if told['note'] else ''}" if told else "")
        )
        about = contents[case["number"]]
        lines += [f"    当时查实：{about['decided']}"] if about["decided"] else []
        lines += [f"    {f}" for f in about["found"]]
        lines += [f"    处理与整改：{p}" for p in about["promised"]]
        lines += [f"    再看：{t}" for t in about["look"]]
    say(
        {
            "as_of": as_of,
            "due": [
                {"case": c["number"], "unit": c["unit"], "due": str(today(c["look_at"])), "left": c["left"]}
                | contents[c["number"]]
                for c in due
            ],
            "practices": kept,
        },
        as_json,
        "\n".join(lines),
    )


def rules_of_case(warehouse: Path, case: Mapping[str, Any]) -> list[str]:
    """The rules its lead rests on, as its run tells; else the rules of its scheme."""
    from features.checking.hits import rules_of
    from serving.lists.publish import open_run

    lead = case["lead"]
    if lead is not None:
        with suppress(UserError):
            found = open_run(warehouse / "lists" / lead["run"]).lead(lead["list"], int(lead["lead"]))
            if rules := list(dict.fromkeys(str(r["rule"]) for r in found["reasons"] if r.get("rule"))):
                return rules
    return sorted({str(f.rule) for f in rules_of() if case["scheme"] in f.schemes})

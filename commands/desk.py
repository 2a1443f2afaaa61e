"""The desk from the machine it runs on: accounts, what was decided, the log."""

import json
import secrets
from pathlib import Path
from typing import Annotated

import typer

from claims.errors import UserError
from commands.terminal import JsonOption, WarehouseOption, say

app = typer.Typer()
people_app = typer.Typer(
    no_args_is_help=True,
    help="Who may sign in: add, list, invite again, close; tokens for programs; conflicts of interest.",
)
desk_app = typer.Typer(
    no_args_is_help=True,
    help="What the desk decided, as a delivery; the desk in one file, and back; a check of log and papers.",
)
log_app = typer.Typer(no_args_is_help=True, help="The chained log: export it, verify a copy.")
app.add_typer(people_app, name="people")
app.add_typer(desk_app, name="desk")
app.add_typer(log_app, name="log")

NameArgument = Annotated[str, typer.Argument(help="name of the account, as typed when signing in")]
BY = "命令行"


@people_app.command("add")
def people_add(
    name: NameArgument,
    warehouse: WarehouseOption,
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            help="officer, reviewer, chief, scientist, admin, security, audit, or a single role; repeat for several",
        ),
    ],
    shown: Annotated[str, typer.Option("--shown", help="name on pages")] = "",
    area: Annotated[str, typer.Option("--area", help="code of the area whose rows it sees; none = all")] = "",
    address: Annotated[str, typer.Option("--address", help="where the pages are")] = "http://127.0.0.1:3000",
    as_json: JsonOption = False,
) -> None:
    """A new account; prints the one-time invitation by which its owner sets the password."""
    from serving.desk import people
    from serving.desk.database import open_desk

    token = people.add(open_desk(warehouse), name, tuple(role), shown=shown, area=area, by=BY)
    link = f"{address}/invitation?token={token}"
    say({"name": name, "invitation": link}, as_json, f"{name} sets a password at {link} (once, within a week)")


@people_app.command("list")
def people_list(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """The accounts and their roles."""
    from serving.desk import people
    from serving.desk.database import open_desk

    found = people.everybody(open_desk(warehouse))
    rows = [{k: r[k] for k in ("name", "shown", "area", "roles", "active", "ready", "second")} for r in found]
    text = "\n".join(
        f"{r['name']}\t{r['shown']}\t{', '.join(r['roles'])}\t{r['area'] or '-'}\t"
        + ("closed" if not r["active"] else "ready" if r["ready"] else "invited")
        for r in rows
    )
    say(
        {"people": rows}, as_json, text or "no account yet; run `xiezhi people add NAME --role officer --warehouse DIR`"
    )


@people_app.command("invite")
def people_invite(
    name: NameArgument,
    warehouse: WarehouseOption,
    address: Annotated[str, typer.Option("--address", help="where the pages are")] = "http://127.0.0.1:3000",
    as_json: JsonOption = False,
) -> None:
    """A new invitation for a forgotten password or a lost second factor; both are void at once."""
    from serving.desk import people
    from serving.desk.database import open_desk

    link = f"{address}/invitation?token={people.invite(open_desk(warehouse), name, BY)}"
    say({"name": name, "invitation": link}, as_json, f"{name} sets a password at {link} (once, within a week)")


@people_app.command("close")
def people_close(name: NameArgument, warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Close an account; its sessions end at once, what it did stays."""
    from serving.desk import people
    from serving.desk.database import open_desk

    people.change(open_desk(warehouse), name, BY, active=False)
    say({"closed": name}, as_json, f"{name} is closed")


@people_app.command("token")
def people_token(
    name: NameArgument,
    warehouse: WarehouseOption,
    scope: Annotated[
        list[str], typer.Option("--scope", help="a right of the account, e.g. lists, export; repeat for several")
    ],
    days: Annotated[int, typer.Option("--days", help="after how many days it ends, at most 366")] = 30,
    label: Annotated[str, typer.Option("--label", help="what it is for")] = "",
    as_json: JsonOption = False,
) -> None:
    """A token by which a program asks the API as this account; printed once."""
    from serving.desk import people, sessions
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    secret = sessions.new_token(desk, people.named(desk, name), tuple(scope), days, label)
    say({"name": name, "token": secret, "days": days}, as_json, f"{secret} (shown once; ends after {days} days)")


@people_app.command("conflict")
def people_conflict(
    warehouse: WarehouseOption,
    name: Annotated[str, typer.Argument(help="name of the account; without one what stands is listed")] = "",
    unit: Annotated[str, typer.Option("--unit", help="the institution this person must not inspect")] = "",
    why: Annotated[str, typer.Option("--why", help="the reason, kept with it")] = "",
    as_json: JsonOption = False,
) -> None:
    """回避: a person declares a unit once; cases, plans and bed checks then keep him away. Without a name: what stands."""
    from serving.desk import conflicts
    from serving.desk.database import open_desk
    from serving.desk.people import Person

    desk = open_desk(warehouse)
    if name or unit:
        conflicts.declare(desk, Person(0, BY, BY, "", frozenset()), name, unit, why)
    rows = [{k: str(r[k]) for k in ("name", "shown", "unit", "why", "at")} for r in conflicts.standing(desk)]
    text = "\n".join(f"{r['shown']}（{r['name']}）回避 {r['unit']}：{r['why']}" for r in rows)
    say({"conflicts": rows}, as_json, text or "没有回避申报")


@desk_app.command("check")
def desk_check(warehouse: WarehouseOption, as_json: JsonOption = False) -> None:
    """Whether the log's chain holds and the papers of cases are what was handed in; exit code 1 where not."""
    from serving.desk import log, papers, verify
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    wrong = [f"log: {fault}"] if (fault := verify.fault(log.walk(desk))) else []
    wrong += papers.faults(desk)
    say({"faults": wrong}, as_json, "\n".join(wrong) or "the log's chain holds, every paper is what was handed in")
    if wrong:
        raise typer.Exit(1)


@desk_app.command("findings")
def desk_findings(
    warehouse: WarehouseOption,
    out: Annotated[
        Path,
        typer.Option("--out", help="new folder for inspections.csv and presence_checks.csv; `xiezhi intake` reads it"),
    ],
    as_json: JsonOption = False,
) -> None:
    """What was decided, and what two officers found at beds, as a delivery: labels for the next fit, and what the next day's lists know."""
    from serving.desk import findings
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    rows, checks = findings.decided(desk), findings.presence(desk)
    if not rows and not checks:
        raise UserError("no case was decided and no bed result confirmed yet, so there is nothing to deliver")
    if out.exists():
        raise UserError(f"{out} is there already; name a new folder")
    made = findings.write(rows, checks, out)
    said = {"out": str(out), "rows": len(rows), "checks": len(checks)}
    counts = {"inspections.csv": len(rows), "presence_checks.csv": len(checks)}
    say(said, as_json, "\n".join(f"{path}: {counts[path.name]} rows" for path in made))


@desk_app.command("notice")
def desk_notice(
    name: Annotated[str, typer.Argument(help="number of the case, e.g. 2026-000012")],
    warehouse: WarehouseOption,
    out: Annotated[Path, typer.Option("--out", help="file to write: 稽核通知.docx")],
    as_json: JsonOption = False,
) -> None:
    """The draft of the notice to the inspected, personal numbers masked; the log keeps that it was taken."""
    from claims.store.files import PRIVATE, put
    from serving.desk import inbox
    from serving.desk.database import open_desk
    from serving.desk.people import Person
    from serving.papers.drafts import notice_of

    desk, me = open_desk(warehouse), Person(0, BY, BY, "", frozenset())
    found = [c for c in inbox.search(desk, me, name) if c["number"] == name]
    if not found:
        raise UserError(f"there is no case {name!r}")
    _, body = notice_of(desk, warehouse, me, found[0]["case_id"])
    put(out, body, PRIVATE)
    say({"out": str(out), "case": name}, as_json, f"{out}: 稽核通知（草稿） {name}")


@desk_app.command("backup")
def desk_backup(
    file: Annotated[Path, typer.Argument(help="new file: every table and paper of the desk in one")],
    warehouse: WarehouseOption,
    as_json: JsonOption = False,
) -> None:
    """The desk in one file, while people work; prints the head of the log to keep elsewhere."""
    from serving.desk import backup, vault
    from serving.desk.database import FOLDER, open_desk

    made = backup.backup(open_desk(warehouse), file, BY)
    key = str(vault.key_file(warehouse.resolve() / FOLDER))
    said = {"file": str(file), "rows": made["rows"], "head": made["head"], "key": key}
    cases, papers = made["rows"]["cases"], sum(m.startswith("files/") for m in made["members"])
    say(
        said,
        as_json,
        f"{file}: {cases} cases, {papers} papers, log head {made['head']}\nnot in it: the key of second factors, {key}; keep a copy elsewhere",
    )


@desk_app.command("restore")
def desk_restore(
    file: Annotated[Path, typer.Argument(help="what `xiezhi desk backup` wrote, on SQLite or PostgreSQL")],
    warehouse: WarehouseOption,
    as_json: JsonOption = False,
) -> None:
    """A backup into an empty desk (SQLite in the warehouse, or XIEZHI_DESK), checked first; everybody signs in again."""
    from serving.desk import backup
    from serving.desk.database import untouched

    if not file.is_file():
        raise UserError(f"there is no file {file}")
    desk = untouched(warehouse)
    made = backup.restore(desk, file, BY)
    note = backup.key_note(desk, made)
    said = {"file": str(file), "rows": made["rows"], "head": made["head"], "key": note}
    told = f"{made['rows']['cases']} cases as of {made['taken_at']}, log head {made['head']}"
    say(said, as_json, told + (f"\n{note}" if note else ""))


@log_app.command("export")
def log_export(
    warehouse: WarehouseOption,
    out: Annotated[Path, typer.Option("--out", help="file to write, one JSON object a line")],
    as_json: JsonOption = False,
) -> None:
    """The whole log; prints the head to keep elsewhere."""
    from claims.store.files import PRIVATE, put
    from serving.desk import log
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    seq, head = log.head(desk)
    lines = (json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in log.walk(desk, until=seq))
    put(out, lines, PRIVATE)
    say({"out": str(out), "rows": seq, "head": f"{seq}:{head}"}, as_json, f"{out}: {seq} rows, head {seq}:{head}")


@log_app.command("verify")
def log_verify(
    file: Annotated[Path, typer.Argument(help="what `xiezhi log export` wrote")],
    head: Annotated[str, typer.Option("--head", help="SEQ:HASH kept elsewhere, e.g. printed on an export")] = "",
    as_json: JsonOption = False,
) -> None:
    """Whether an exported log is what it was; exit code 1 where it is not."""
    from serving.desk.verify import checked

    wrong = checked(str(file), head)
    say({"file": str(file), "fault": wrong}, as_json, wrong or "the chain holds")
    if wrong:
        raise typer.Exit(1)


DEMO = {"officer": "officer", "reviewer": "reviewer", "leader": "chief", "signer": "chief", "inspector": "inspector", "scientist": "scientist", "admin": "admin", "security": "security", "audit": "audit"}  # fmt: skip


def demo_accounts(warehouse: Path) -> list[str]:
    """One ready account per role of the demo, with a password nobody else has; told once, when they are made."""
    from serving.desk import people
    from serving.desk.database import open_desk

    desk = open_desk(warehouse)
    if people.anybody(desk):
        return [f"the demo's accounts exist; a forgotten password: xiezhi people invite NAME --warehouse {warehouse}"]
    told = ["Accounts of the demo (passwords are shown this once):"]
    for name, role in DEMO.items():
        password = secrets.token_urlsafe(12)
        people.accept(desk, people.add(desk, name, (role,), by=BY), password)
        told.append(f"  {name:<10} {password}")
    return told

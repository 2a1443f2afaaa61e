"""A workbook sent down that was uploaded, read or taken in by a process of its own, behind everything else and one at a time; what it comes to is written beside the upload.

python -m serving.web.sent_job < job.json

Reading has a bounded memory and time, since nobody knows yet what it reads; taking in is one transaction at its end, so a process that is killed has taken in nothing.
"""

import fcntl
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from claims.errors import UserError
from inspection.sent import Sent, understand
from inspection.sent_columns import BY_NAME
from inspection.workbooks import at
from serving.desk import received
from serving.desk.database import Desk, open_desk
from serving.desk.received import READ, READING, REFUSED, STOPPED, TAKING, Received
from serving.sent_down import How, take_in
from serving.web.english import HAN

MEMORY: Final = 4 << 30
SECONDS: Final = 180
"""Of a core, to read one workbook."""
NICER: Final = 10
STEPS: Final = {"claims": "核对结算与就诊", "rules": "按规则核对", "heaps": "分档与立案"}


def start(desk: Desk, warehouse: Path, found: Received, how: Mapping[str, Any] | None = None) -> bool:
    """Read an upload, or (how given) take it in, in a process that outlives the request; False where one is at it already."""
    handle = received.lock(found)
    if handle is None:
        return False
    try:
        state = TAKING if how else READING
        before = {k: found.told[k] for k in ("sheets", "unread") if k in found.told}
        found.tell(state=state, step="排队", share=0.0, given=dict(how or {}), **before)
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.web.sent_job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a traceback may hold what a cell says
            pass_fds=(handle,),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
    finally:
        os.close(handle)  # the process holds it on
    job = {"warehouse": str(warehouse.resolve()), "key": found.key, "how": dict(how or {}), "lock": handle}
    told = threading.Thread(target=process.communicate, args=(json.dumps(job).encode(),), daemon=True)
    told.start()  # and waits for the end of the process, so that none is left behind
    return True


def sheets_of(sent: Sent) -> list[dict[str, Any]]:
    """What each column of each sheet is taken for, as a page asks about it."""
    told = []
    for table in sent.tables:
        chosen = {c.at: c for c in table.choices}
        columns = []
        for j, title in enumerate(table.listed.titles):
            if not title:
                continue
            c = chosen.get(j)
            meant = {"field": c.field, "zh": BY_NAME[c.field].zh, "why": c.why, "used": c.used} if c else {"field": "", "zh": "", "why": "", "used": False}  # fmt: skip
            columns.append({"cell": at(j, table.listed.line), "title": title, **meant})
        told.append(
            {
                "sheet": table.listed.sheet,
                "line": table.listed.line,
                "rows": len(table.listed.rows),
                "columns": columns,
            }
        )
    return told


def work(job: Mapping[str, Any]) -> None:
    """Do a job; whatever becomes of it stands beside the upload, or the upload is gone because its list was taken in."""
    desk = open_desk(Path(job["warehouse"]))
    found = received.opened(desk, job["key"])
    name, how = str(found.about["name"]), job["how"]
    kept = {k: found.told[k] for k in ("sheets", "unread") if k in found.told} | {"given": how}
    turn = os.open(found.folder.parent / "turn", os.O_RDWR | os.O_CREAT, received.PRIVATE)
    fcntl.flock(turn, fcntl.LOCK_EX)
    try:
        if not how:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            found.tell(state=READING, step="读表", share=0.2)
            sent = understand(found.body(), name)
            found.tell(state=READ, sheets=sheets_of(sent), unread=list(sent.unread))
            return

        def tell(step: str, share: float) -> None:
            found.tell(state=TAKING, step=STEPS[step], share=share, **kept)

        tell("claims", 0.05)
        day, due = date.fromisoformat(how["as_of"]), datetime.fromisoformat(how["due"])
        manner = How(how["number"], how["source"], day, due, how["by"], how["large"])
        body = found.body()
        take_in(desk, Path(job["warehouse"]), understand(body, name, how["columns"]), body, manner, tell)
        received.erase(found)
    except UserError as error:
        said = str(error).replace("--name：", "")
        said = said if HAN.search(said) else "服务器上的数据还不能用来核对（没有结算，或已损坏），请告知系统管理员"
        found.tell(state=READ if how and "sheets" in kept else REFUSED, message=said, **kept)
    except Exception as error:  # said, and without what it was about
        found.tell(state=STOPPED, message=f"处理中断（{type(error).__name__}）", was=TAKING if how else READING, **kept)
    finally:
        os.close(turn)


if __name__ == "__main__":
    os.nice(NICER)
    job = json.load(sys.stdin)
    work(job)
    os.close(job["lock"])  # inherited: what comes next may begin while this process puts itself away

"""Files that take long to make are made by a process of their own, one at a time and behind everything else, so that no page waits for a download.

A worker asks with one JSON object and is answered with the file's bytes. The process reads the published run, or a list as it was sent down, and nothing of the desk: what it may say
was chosen, and logged, before it began; it dies with its job, and a killed one costs its download only.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from claims.errors import Damaged, UserError

LONGEST: Final = 300.0
"""Seconds after which a job is ended: 500 suspects take some twenty on a busy core."""
REFUSED: Final = 3
"""Exit code of a job that says why not, in one sentence on its error output."""
DAMAGED: Final = 4
"""Exit code of a job whose run is damaged."""
_AT_ONCE: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class Unmade(UserError):
    """A file that was not made though it could have been; the sentence is shown."""


async def made(job: Mapping[str, Any]) -> bytes:
    """The file of a job (serving/web/export_job.py). Raises UserError with what the job said, Damaged, or Unmade where it was ended."""
    turn = _AT_ONCE.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(1))
    async with turn:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "serving.web.export_job",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        try:
            body, said = await asyncio.wait_for(process.communicate(json.dumps(job).encode()), LONGEST)
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise Unmade("文件没有做成（超过五分钟），请稍后再下载") from None
            raise
    if process.returncode == DAMAGED:
        raise Damaged(said.decode(errors="replace").strip())
    if process.returncode == REFUSED:
        raise UserError(said.decode(errors="replace").strip())
    if process.returncode or not body:
        raise Unmade("文件没有做成（制作它的进程中断了），请再下载一次")
    return body

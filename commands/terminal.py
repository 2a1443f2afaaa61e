"""How the commands speak: options they share, progress on stderr, summaries on stdout, and arguments turned down in one sentence."""

import json
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from claims.errors import UserError
from features.thresholds import tune


def there(warehouse: Path | None) -> Path | None:
    """Refuse a warehouse that is not there before anything else is done."""
    if warehouse is not None and not warehouse.is_dir():
        raise UserError(
            f"there is no warehouse at {warehouse}; run `xiezhi intake SOURCE --warehouse {warehouse}` first"
        )
    if warehouse is not None:
        tune(root=warehouse)
    return warehouse


def of_day(as_of: str | None) -> str | None:
    """Work with the thresholds of that day."""
    if as_of is not None:
        tune(day=a_moment(as_of).date() if " " in as_of else a_date(as_of))
    return as_of


WarehouseOption = Annotated[Path, typer.Option("--warehouse", help="folder of the warehouse", callback=there)]
NewWarehouseOption = Annotated[
    Path, typer.Option("--warehouse", help="folder of the warehouse; made if it is not there")
]
AsOfOption = Annotated[
    str, typer.Option("--as-of", help="YYYY-MM-DD: all that was known by the end of that day", callback=of_day)
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable summary on stdout")]
GrainOption = Annotated[str, typer.Option("--grain", help="admission, person, institution, doctor or ring")]
OrderOption = Annotated[
    str,
    typer.Option(
        "--order",
        help="what the list is ordered by: probability, expected (× amount), blend (× √amount) or level (probability levelled over age and chronic illness, at a price the list states)",
    ),
]
ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        help="one part of the list alone: rules, isolation, deviations, …, ranker (what findings taught), or unlabelled (all but that)",
    ),
]
ExecutorOption = Annotated[
    str,
    typer.Option("--executor", help="where the work is done: local, spark://HOST:PORT or spark+local://"),
]
CampaignOption = Annotated[
    str, typer.Option("--campaign", help="only what belongs to this campaign (专项), see xiezhi campaign list")
]
OutOption = Annotated[Path, typer.Option("--out", help="file to write: .csv, .xlsx or .json")]


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
    from features.grains import spec_of

    spec_of(text)
    return text


def a_campaign(name: str, warehouse: Path) -> Any:
    """A campaign by its name, None for '', or a clear refusal."""
    from inspection.campaigns import campaign

    return campaign(name, warehouse) if name else None


def an_order(text: str) -> Any:
    """probability, expected or blend, or a clear refusal."""
    if text not in ("probability", "expected", "blend", "level"):
        raise UserError(f"--order {text!r}; choose probability, expected, blend or level")
    return text


def check_out(out: Path, endings: tuple[str, ...] = (".csv", ".xlsx", ".json")) -> None:
    """Refuse a file that could not be written before an hour is spent on it."""
    if out.suffix.lower() not in endings:
        raise UserError(f"--out {out}: write a file that ends in {', '.join(endings)}")
    if not out.resolve().parent.is_dir():
        raise UserError(f"--out {out}: the folder {out.resolve().parent} does not exist; make it first")
    if out.exists() and not out.is_file():
        raise UserError(f"--out {out}: is there and is no file; name another")

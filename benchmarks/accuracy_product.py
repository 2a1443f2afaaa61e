"""The product as an office uses it: its own commands, one process each, with their CPU seconds; a step that is done is not done again."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PRODUCT_CODE = ("claims", "features", "models", "inspection", "training", "serving", "commands", "xiezhi")
TOP = {"admission": 300, "person": 300, "institution": 100, "doctor": 50, "ring": 50}


def commit() -> str:
    """Short name of the commit at work, with + where the product's code differs from it; 'unknown' outside a repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else "unknown"

    changed = git("status", "--porcelain", "--untracked-files=no", "--", *PRODUCT_CODE)
    return git("rev-parse", "--short", "HEAD") + ("+" if changed not in ("", "unknown") else "")


@dataclass
class Product:
    """One warehouse of one world at one date. `folder` keeps warehouse/, lists/, done.json and log.txt."""

    folder: Path
    name: str
    done: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "lists").mkdir(parents=True, exist_ok=True)
        if (self.folder / "done.json").exists():
            self.done = json.loads((self.folder / "done.json").read_text("utf-8"))

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse"

    @property
    def cpu(self) -> dict[str, float]:
        return {step: float(d["cpu"]) for step, d in self.done.items()}

    def step(self, step: str, *arguments: str, may_refuse: bool = False, module: str = "xiezhi") -> bool:
        """Run `xiezhi ARGUMENTS` (or another module) unless done; True when it did its work. A refusal is kept with its sentence, or ends the run."""
        if step not in self.done:
            print(f"{self.name}: xiezhi {step}", file=sys.stderr, flush=True)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            env = os.environ | {
                "PYTHONHASHSEED": "0",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "BENTOML_DO_NOT_TRACK": "True",
            }
            ran = subprocess.run(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
                log.write(f"== {step}\n{ran.stdout}{ran.stderr}")
            said = (ran.stderr.strip().splitlines() or ["no word"])[-1].replace(self.house, "the warehouse")
            if ran.returncode and not may_refuse:
                raise SystemExit(
                    f"{self.name}: xiezhi {step} failed: {said}\nAll it said is in {self.folder / 'log.txt'}"
                )
            self.done[step] = {"cpu": round(cpu, 1), "refused": said if ran.returncode else ""}
            (self.folder / "done.json").write_text(json.dumps(self.done, ensure_ascii=False, indent=1) + "\n", "utf-8")
        return not self.done[step]["refused"]

    def take_in(self, source: Path, mapping: str | None = None) -> None:
        wanted = ("--mapping", mapping) if mapping else ()
        self.step("intake", "intake", str(source.resolve()), *wanted, "--warehouse", self.house)

    def fit(self, day: str) -> None:
        self.step("fit", "fit", "--as-of", day, "--warehouse", self.house)

    def card(self) -> None:
        """The model card of the fit, as `xiezhi models card` says it, in lists/card.md."""
        out = self.folder / "lists" / "card.md"
        if out.exists() or not self.warehouse.exists():
            return
        told = json.loads(self._said("models", "list", "--json"))
        newest = max(told["models"], key=lambda m: (m["as_of"], m["state"] == "champion"))
        out.write_text(self._said("models", "card", newest["hash"]), "utf-8")

    def rank(self, day: str, grain: str, top: int | None = None) -> list[dict[str, str]]:
        """The ranked rows of a grain's list, best first; none where the product refuses the grain."""
        out = self.folder / "lists" / f"{grain}.csv"
        wanted = ("--top", str(top or TOP[grain]), "--out", str(out.resolve()), "--warehouse", self.house)
        step = f"rank {grain}"
        return (
            ranked(out) if self.step(step, "rank", "--as-of", day, "--grain", grain, *wanted, may_refuse=True) else []
        )

    def bedcheck(self, moment: str, step: str = "bedcheck") -> list[dict[str, str]]:
        """The ranked open stays of an evening, emptiest first; `step` names it among others."""
        out = self.folder / "lists" / f"{step}.csv"
        wanted = ("--top", "60", "--out", str(out.resolve()), "--warehouse", self.house)
        return ranked(out) if self.step(step, "bedcheck", "--at", moment, *wanted, may_refuse=True) else []

    def parts(self, day: str) -> dict[str, dict[str, list[str]]]:
        """{grain: {part of its list: ids, worst first}}; features are those that the lists were made of."""
        out = (self.folder / "lists" / "parts.json").resolve()
        wanted = ("--warehouse", self.house, "--as-of", day, "--out", str(out))
        self.step("parts", *wanted, module="benchmarks.accuracy_parts")
        found: dict[str, dict[str, list[str]]] = json.loads(out.read_text("utf-8"))
        return found

    def _said(self, *arguments: str) -> str:
        """Standard output of `xiezhi ARGUMENTS`, which only reads."""
        command = [sys.executable, "-m", "xiezhi", *arguments, "--warehouse", self.house]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    @property
    def house(self) -> str:
        return str(self.warehouse.resolve())


def ranked(file: Path) -> list[dict[str, str]]:
    """Rows of slot `ranked` of a list, by rank: what was drawn at random does not count."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r.get("slot", "ranked") == "ranked"]
    return sorted(rows, key=lambda r: float(r["rank"]))


def ids(rows: Sequence[dict[str, str]]) -> list[str]:
    """entity_id by position; a quote before a formula sign belongs to the spreadsheet, not to the id."""
    return [r["entity_id"].removeprefix("'") for r in rows]

"""Every command, walked from the app itself: help, --json, a warehouse that is not there, and what README, pages and MLproject say of it."""

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from features.declare import REGISTRY
from tests.features.test_binding import Binder
from xiezhi import command as program

ROOT = Path(__file__).resolve().parent.parent


def walked(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(words, click command) of everything that can be run."""
    command = command or typer.main.get_command(program.app)
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from walked(inner, path if name == getattr(command, "default", "") else (*path, name))


COMMANDS = dict(walked())
TOP = list(dict.fromkeys(path[0] for path in COMMANDS))
GROUPS = {path[0] for path in COMMANDS if len(path) > 1} - {path[0] for path in COMMANDS if len(path) == 1}
each = pytest.mark.parametrize("path", list(COMMANDS), ids=" ".join)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of the command in this process."""
    monkeypatch.setattr(sys, "argv", ["xiezhi", *words])
    with pytest.raises(SystemExit) as ended:
        program.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@each
def test_it_says_what_it_does(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help, "a command needs a docstring"
    silent = [p.name for p in command.params if not getattr(p, "help", "") and p.name != "help"]
    assert silent == [], "options and arguments without help"


@each
def test_help_is_printed(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, monkeypatch, *path, "--help")
    assert code == 0
    assert " ".join(path) in out


@each
def test_it_answers_scripts(path: tuple[str, ...]) -> None:
    assert "--json" in options(path)


def options(path: tuple[str, ...]) -> set[str]:
    return {word for p in COMMANDS[path].params for word in p.opts}


#: A word for every required option and argument, so that only the warehouse is wrong.
GIVEN = {
    "as_of": "2025-01-01", "grain": "person", "out": "x.xlsx", "at": "2025-01-01 20:00", "entity_id": "X", "challenger": "abcdef", "model": "abcdef", "signed_by": "A",
    "rule": "R13", "state": "shadow", "threshold": "max_gap_days=10", "clause": "第三条", "share": "0.5", "reason": "x", "by": "A",
    "batch": "b0001", "file": "points.xlsx", "claim": "claim.json", "source": "mended.xlsx", "name": "wang", "salt": "salt-of-mine", "week": "2026-W48", "month": "2026-09", "unit": "H1", "role": "officer", "scope": "lists", "deadline": "10", "report": "report.xlsx",
}  # fmt: skip


@pytest.mark.parametrize(
    "path", [p for p in COMMANDS if "--warehouse" in options(p) and p != ("intake",)], ids=" ".join
)
def test_without_its_warehouse_it_is_one_sentence(
    path: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*path, "--warehouse", "nowhere"]
    for p in COMMANDS[path].params:
        if p.required and p.name != "warehouse":
            words += [GIVEN[p.name]] if p.param_type_name == "argument" else [p.opts[0], GIVEN[p.name]]
    code, out, err = run(capsys, monkeypatch, *words)
    assert (code, out) == (2, "")
    assert err == "xiezhi: there is no warehouse at nowhere; run `xiezhi intake SOURCE --warehouse nowhere` first\n"
    assert list(tmp_path.iterdir()) == []


def test_the_tables_of_contents_are_complete() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    contents = [line.split()[0] for line in (program.__doc__ or "").splitlines() if line.startswith("    ")]
    assert sorted(contents) == sorted(TOP)
    assert [name for name in TOP if f"`{name}`" not in readme] == []


TEXTS = ["README.md", "docs/design.md", "MLproject", *(str(p.relative_to(ROOT)) for r in ("commands", "claims", "features", "models", "inspection", "training", "serving") for p in sorted((ROOT / r).rglob("*")) if p.suffix in (".py", ".html"))]  # fmt: skip


def test_only_commands_and_options_that_exist_are_advertised() -> None:
    """`xiezhi WORD … --option` in any text we ship."""
    wrong, seen = [], 0
    for name in TEXTS:
        for line in (ROOT / name).read_text("utf-8").splitlines():
            for first, rest in re.findall(r"xiezhi(?:\.py)? ([a-z]+)\b([^`\n<。；，]*)", line):
                second = rest.split()[0] if rest.split() else ""
                path = (first, second) if (first, second) in COMMANDS else (first,)
                if path not in COMMANDS:
                    continue
                seen += 1
                asked = set(re.findall(r"(?<=\s)--[a-z-]+", rest.partition(" #")[0]))
                wrong += [
                    f"{name}: xiezhi {' '.join(path)} {o}" for o in asked - options(path) - {"--help", "--env-manager"}
                ]
    assert wrong == []
    assert seen > 30


def test_the_first_account_is_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("people", "add", "wang", "--role", "officer", "--warehouse", str(tmp_path))
    code, out, _ = run(capsys, monkeypatch, *words)
    assert code == 0
    assert "http://127.0.0.1:3000/invitation?token=" in out
    code, _, err = run(capsys, monkeypatch, *words)
    assert (code, err.count("\n")) == (2, 1)


def test_mlproject_knows_every_command() -> None:
    """An entry point for each, its words and required options in its command, and a parameter for each place in it."""
    text = (ROOT / "MLproject").read_text("utf-8").partition("entry_points:\n")[2]
    entries = {part.partition(":")[0]: part for part in re.split(r"^  (?=[a-z-]+:\n)", text, flags=re.M) if part}
    assert set(entries) == {"-".join(path) for path in COMMANDS}
    for path, command in COMMANDS.items():
        body, _, words = entries["-".join(path)].rpartition(" -m xiezhi ")
        words = shlex.split(words.rstrip().removesuffix('"'))
        assert tuple(words[: len(path)]) == path
        asked = {w for w in words if w.startswith("--")}
        assert asked <= options(path)
        assert {p.opts[0] for p in command.params if p.required and p.param_type_name == "option"} <= asked
        arguments = [p for p in command.params if p.required and p.param_type_name == "argument"]
        places = {w.strip("{}") for w in words if w.startswith("{")}
        assert {p.name for p in arguments} <= places
        assert set(re.findall(r"^      ([a-z_]+): ", body, flags=re.M)) == places


def test_the_bento_holds_all_that_the_commands_import() -> None:
    """By bentofile.yaml's own list: every package of ours that a file in the bento names is in the bento."""
    listed = re.findall(r'^  - "([^"]+)"$', (ROOT / "bentofile.yaml").read_text("utf-8").partition("exclude:")[0], re.M)
    held = {p for pattern in listed for p in ROOT.glob(pattern.replace("/**", "/**/*.py"))}
    assert ROOT / "xiezhi" / "command.py" in held
    ours = {p.name for p in ROOT.iterdir() if (p / "__init__.py").exists()} - {"tests", "benchmarks"}
    named = {n.split(".")[0] for path in held for n in imported(path)} & ours
    assert named <= {p.relative_to(ROOT).parts[0] for p in held}
    assert {"training", "simulator", "serving"} <= named


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_python_of_the_readme_runs_as_printed() -> None:
    """The feature in ten lines is declared and its SQL binds; the ring drawing compiles and imports what there is."""
    ring, feature = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.S)
    before = set(REGISTRY)
    try:
        exec(compile(feature, "README.md", "exec"), {})
        (name,) = set(REGISTRY) - before
        assert {"entity_id", "happened_at", "row_table", "row_id"} <= Binder().bind(REGISTRY[name])
    finally:
        for name in set(REGISTRY) - before:
            del REGISTRY[name]
    imports = ring[: ring.index("county =")]
    names: dict[str, Any] = {}
    exec(compile(imports, "README.md", "exec"), names)
    compile(ring, "README.md", "exec")
    assert {"open", "ring"} <= {*names["xiezhi"].__all__, *dir(names["xiezhi"].County)}

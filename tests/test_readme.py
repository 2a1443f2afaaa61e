"""README as a new user types it: every line of its shell blocks and every Python block, in order, in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.worlds import ROOT

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.S | re.M)
ROOMS = (
    "xiezhi",
    "claims",
    "features",
    "models",
    "inspection",
    "training",
    "serving",
    "commands",
    "simulator",
    "tests",
)


def commands(text: str) -> list[str]:
    """The lines of a shell block without their remarks."""
    return [line for line in (re.sub(r"\s+# .*$", "", line) for line in text.splitlines()) if line.strip()]


def environment(folder: Path, code: Path) -> dict[str, str]:
    """A `xiezhi` on the path that is the code of `code`."""
    (folder / "bin").mkdir(exist_ok=True)
    shim = folder / "bin" / "xiezhi"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m xiezhi "$@"\n')
    shim.chmod(0o755)
    return os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(code), "MPLBACKEND": "agg"}


def served(line: str, folder: Path, env: dict[str, str]) -> str:
    """What `xiezhi serve` says before it is ended; `--new-token` while it runs."""
    with (folder / "served.txt").open("w") as out:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line} --port 39471"], cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(600):
                if "Sign in" in (folder / "served.txt").read_text() or process.poll() is not None:
                    break
                time.sleep(0.5)
        finally:
            process.terminate()
            process.wait(60)
    return (folder / "served.txt").read_text()


@pytest.mark.slow
def test_every_line_runs_as_printed(tmp_path: Path) -> None:
    env = environment(tmp_path, ROOT)
    for kind, text in BLOCKS:
        if kind == "json":
            (tmp_path / "claim.json").write_text(text, "utf-8")
        for line in commands(text) if kind == "sh" else []:
            if line == "xiezhi serve --warehouse W":
                assert "Sign in" in served(line, tmp_path, env)
                continue
            done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        if kind == "python" and "declare(" not in text:
            done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True)
            assert done.returncode == 0, f"{text}\n{done.stderr[-2000:]}"


@pytest.mark.slow
def test_the_ten_lines_are_a_feature(tmp_path: Path) -> None:
    code = tmp_path / "code"
    for room in ROOMS:
        shutil.copytree(ROOT / room, code / room)
    for file in ("pyproject.toml", "requirements.lock"):
        shutil.copy2(ROOT / file, code / file)
    feature = next(text for kind, text in BLOCKS if kind == "python" and "declare(" in text)
    (code / "features" / "catalog" / "sunday.py").write_text(feature, "utf-8")
    told = re.search(r"`(pytest -k \w+)`", README)
    assert told
    line = f'"{sys.executable}" -m {told[1]} tests/features/test_every_feature.py tests/features/test_declare.py -p no:cacheprovider'
    done = subprocess.run(
        ["bash", "-c", line], cwd=code, env=environment(tmp_path, code), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert re.search(r"\d+ passed", done.stdout)


def test_what_is_not_typed_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {w for kind, text in BLOCKS if kind == "" for w in re.findall(r"^make (\S+)", text, re.M)}
    assert named
    assert named <= targets
    links = re.findall(r"\]\(((?!http)[^)#]+)", README)
    assert not [link for link in links if not (ROOT / link).exists()]

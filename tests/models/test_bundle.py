"""A model that was tampered with, by accident or on purpose, never reaches LightGBM's parser."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from models import bundle as store
from models import in_force
from models.beds import bed_evidence
from models.bundle import Bundle
from models.ensemble import RANKER, ranker_input, unlabelled
from models.ranker import Ranker
from models.reference_distribution import tail_of
from models.score import score
from models.taught import Taught
from tests.models.conftest import Toy

Made = tuple[Path, Bundle, Toy]


@pytest.fixture
def made(toy: tuple[Toy, pd.Series], tmp_path: Path) -> Made:
    """(models folder, bundle, matrix): an unlabelled part and a ranker, written to disk."""
    matrix, y = toy
    return (tmp_path / "models", write(matrix, y, tmp_path / "models"), matrix)


def write(matrix: Toy, y: pd.Series, folder: Path, threads: int = 1) -> Bundle:
    X = ranker_input(matrix)
    model = unlabelled(matrix)
    ranker = Taught(threads=threads).fit(X, y)
    weights = {**dict.fromkeys(model.scorers, 0.1), RANKER: 0.5}
    tails = {**model.tails, RANKER: tail_of(ranker.raw(X).to_numpy())}
    model = replace(
        model, ranker=ranker, tails=tails, weights=weights, beds=ranker, declared=store.declarations(matrix)
    )
    return store.write_bundle(
        folder, {"admission": model}, {"admission": X.sort_index().iloc[:10]}, as_of="2025-06-30", seed=0
    )


def test_round_trip_scores_the_same(made: Made) -> None:
    folder, bundle, matrix = made
    again = store.load_bundle(folder / bundle.hash)
    pd.testing.assert_frame_equal(score(matrix, bundle).frame, score(matrix, again).frame, check_exact=True)
    for read in (bundle, again):
        assert bed_evidence(read.grains["admission"], matrix)[1] == "taught"
    assert "pickle" not in "".join(p.name for p in (folder / bundle.hash).iterdir())


def test_a_bundle_of_another_format_says_so_and_what_to_do(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bundle, _ = made
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    with pytest.raises(UserError, match=r"格式版本是 6，本程序只读版本 7.*xiezhi fit"):
        store.load_bundle(folder / bundle.hash)


def test_a_bundle_with_a_scorer_nobody_knows_is_refused(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bundle, _ = made
    monkeypatch.delitem(store.SCORERS, "isolation")
    with pytest.raises(UserError, match="没有的评分方法 isolation"):
        store.load_bundle(folder / bundle.hash)


def test_equal_models_have_equal_names_for_any_thread_count_and_row_order(
    toy: tuple[Toy, pd.Series], tmp_path: Path
) -> None:
    matrix, y = toy
    order = matrix.X.sample(frac=1, random_state=3).index
    frames = {k: getattr(matrix, k).loc[order] for k in ("entities", "X", "z", "percentile")}
    a, b = write(matrix, y, tmp_path / "a", 1), write(replace(matrix, **frames), y.loc[order], tmp_path / "b", 2)
    assert a.hash == b.hash


def mutations(folder: Path, r: np.random.Generator) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """60 ways to break a bundle: every kind on every file."""
    files = sorted(p.name for p in folder.iterdir())
    for name in files:
        yield (
            f"truncate {name}",
            lambda p, n=name: (p / n).write_bytes((p / n).read_bytes()[: max(0, (p / n).stat().st_size // 2)]),
        )
        yield f"empty {name}", lambda p, n=name: (p / n).write_bytes(b"")
        yield f"gone {name}", lambda p, n=name: (p / n).unlink()
        yield f"append {name}", lambda p, n=name: (p / n).write_bytes((p / n).read_bytes() + b"\n")
        for bit in range(4):
            at = int(r.integers(0, (folder / name).stat().st_size))
            yield f"flip {name} {bit}", lambda p, n=name, a=at, b=bit: flip(p / n, a, b)
        yield f"zeros {name}", lambda p, n=name: (p / n).write_bytes(b"\0" * (p / n).stat().st_size)
        yield (
            f"link {name}",
            lambda p, n=name: (
                shutil.copy(p / n, p.parent / "copy"),
                (p / n).unlink(),
                (p / n).symlink_to(p.parent / "copy"),
            ),
        )
    for i, name in enumerate(files):
        other = files[(i + 1) % len(files)]
        yield f"swap {name} {other}", lambda p, a=name, b=other: swap(p / a, p / b)
    for name in ("x.pkl", "admission.extra", "person.json", "__init__.py", ".hidden"):
        yield f"extra {name}", lambda p, n=name: (p / n).write_bytes(b"1")


def flip(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(bytes(data))


def swap(a: Path, b: Path) -> None:
    x, y = a.read_bytes(), b.read_bytes()
    a.write_bytes(y)
    b.write_bytes(x)


def test_sixty_damages_are_refused_before_the_parser(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, bundle, _ = made
    good = folder / bundle.hash
    touched = []
    monkeypatch.setattr(store.Taught, "restore", classmethod(lambda cls, *a: touched.append(a)))
    monkeypatch.setattr(store.np, "load", lambda *a, **k: touched.append(a))
    tried = 0
    for what, damage in mutations(good, np.random.default_rng(0)):
        trial = tmp_path / f"t{tried}" / bundle.hash
        shutil.copytree(good, trial)
        damage(trial)
        with pytest.raises(UserError, match="未通过校验"):
            store.load_bundle(trial)
        assert not touched, f"{what}: bytes reached a parser"
        tried += 1
    assert tried >= 60


def test_whole_forgery_under_the_old_name_is_refused(made: Made) -> None:
    """Changing a file and its hash in the manifest is not enough: the folder's name is the manifest's hash."""
    folder, bundle, _ = made
    path = folder / bundle.hash
    text = (path / "admission.ranker.txt").read_bytes().replace(b"[num_leaves: 7]", b"[num_leaves: 8]")
    (path / "admission.ranker.txt").write_bytes(text)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"]["admission.ranker.txt"] = {
        "sha256": __import__("hashlib").sha256(text).hexdigest(),
        "bytes": len(text),
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="与文件夹名不符"):
        store.load_bundle(path)


def test_golden_rows_catch_a_model_that_predicts_otherwise(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bundle, _ = made
    honest = Ranker.raw
    monkeypatch.setattr(Ranker, "raw", lambda self, X: honest(self, X) + 1e-3)
    with pytest.raises(UserError, match="校验行"):
        store.load_bundle(folder / bundle.hash)


def test_changed_declaration_is_refused_new_columns_are_not(made: Made) -> None:
    _, bundle, matrix = made
    columns = dict(matrix.columns)
    told = columns["swipes_90"]
    columns["swipes_90"] = replace(told, feature=replace(told.feature, worse="low"))
    with pytest.raises(UserError, match="swipes_90"):
        score(replace(matrix, columns=columns), bundle)
    with pytest.raises(UserError, match="缺少列 age"):
        score(replace(matrix, X=matrix.X.drop(columns="age")), bundle)
    wider = replace(
        matrix,
        X=matrix.X.assign(new=1.0),
        z=matrix.z.assign(new=0.0),
        columns={**matrix.columns, "new": matrix.columns["age"]},
    )
    pd.testing.assert_series_equal(score(wider, bundle).frame["raw"], score(matrix, bundle).frame["raw"])


def test_activation_probes_and_keeps_history(made: Made) -> None:
    folder, bundle, _ = made
    in_force.activate(folder, bundle.hash, action="first")
    assert in_force.load_active(folder.parent).hash == bundle.hash
    broken = "0" * 64
    shutil.copytree(folder / bundle.hash, folder / broken)
    with pytest.raises(UserError, match="未通过校验"):
        in_force.activate(folder, broken)
    table = in_force.active_table(folder)
    assert table["grains"] == {"admission": bundle.hash}, "the model in force stays in force"
    assert [h["action"] for h in table["history"]] == ["first"]


def test_probe_has_a_time_limit(made: Made) -> None:
    folder, bundle, _ = made
    with pytest.raises(UserError, match="超过"):
        in_force.probe(folder / bundle.hash, seconds=0.05)


def test_no_model_no_error(tmp_path: Path) -> None:
    assert in_force.load_active(tmp_path) is None

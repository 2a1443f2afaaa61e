"""The gate: a report and two signatures in, one command out, everything on record; and the command line that does it."""

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from claims.errors import UserError
from models.in_force import active_table
from models.score import in_order, places
from tests.training.conftest import County
from training import promotion
from training.evaluation import side_by_side
from training.evaluation.report import gate_text
from training.fit import fit
from xiezhi import command


def test_gate_needs_report_and_two_others(county: County, root: Path, as_of: date) -> None:
    first = fit(root, as_of, log=False)
    second = fit(root, as_of, seed=9, log=False, promote=False)
    assert active_table(root / "models")["grains"]["admission"] == first.bundle, "a challenger does not serve"
    with pytest.raises(UserError, match="对比报告"):
        promotion.promote(root, second.bundle[:12], ["甲", "乙"])
    report = promotion.compare(root, second.bundle[:12], as_of, top=30)
    diff = report["grains"]["admission"]["diff"]
    assert diff["kept"] + len(diff["entered"]) == 30 == diff["kept"] + len(diff["left"])
    with pytest.raises(UserError, match="2位不同"):
        promotion.promote(root, second.bundle[:12], ["甲", " 甲 "])
    with pytest.raises(UserError, match="训练人"):
        promotion.promote(root, second.bundle[:12], ["甲", "乙"], trainer="乙")
    path = next((root / "models" / "reports").iterdir())
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b'"kept": ', b'"kept":1', 1))
    with pytest.raises(UserError, match="damaged; run `xiezhi models compare` again"):
        promotion.promote(root, second.bundle[:12], ["甲", "乙"])
    path.write_bytes(sound)
    promotion.promote(root, second.bundle[:12], ["甲", "乙"], trainer="丙")
    assert active_table(root / "models")["grains"]["admission"] == second.bundle
    with pytest.raises(UserError, match="退回模型需要2位不同"):
        promotion.rollback(root, ["丁"])
    back, _ = promotion.rollback(root, ["丁", "戊"], entered_by="ops", note="复核")
    assert back["admission"] == first.bundle
    table = active_table(root / "models")
    assert table["grains"]["admission"] == first.bundle
    assert [h["action"] for h in table["history"]] == ["first", "challenger", "compare", "promote", "rollback"]
    assert {tuple(h) for h in table["history"]} == {("at", "action", "grains", "by", "entered_by", "note")}, "one log"
    assert table["history"][-2]["by"] == ["乙", "甲"]
    with pytest.raises(UserError, match="没有更早"):
        promotion.rollback(root, ["丁", "戊"])


def test_whoever_fitted_a_model_may_not_sign_for_it(county: County, root: Path, as_of: date) -> None:
    fit(root, as_of, log=False)
    second = fit(root, as_of, seed=9, log=False, promote=False, entered_by="zhang")
    promotion.compare(root, second.bundle, as_of, top=30)
    with pytest.raises(UserError, match="训练人"):
        promotion.promote(root, second.bundle, ["zhang", "乙"])


def test_a_first_model_worse_than_the_list_without_findings_waits(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, the list goes on without findings, and the gate takes the model like any other."""
    from models.in_force import load_active
    from training import fit as fitting

    real = fitting.with_ranker

    def worse(*args: object, **kwargs: object) -> object:
        model, figures, raw = real(*args, **kwargs)
        return model, figures | {"gain": -0.5, "below": 0.6, "fallback_below": 0.9}, raw

    monkeypatch.setattr(fitting, "with_ranker", worse)
    said = fit(root, as_of, log=False)
    assert said.in_force == ["person"]
    assert "高于全体60.0%，不用查处结果则90.0%" in said.held_back["admission"]
    assert "admission：未启用" in said.standing
    served = load_active(root)
    assert served is not None
    assert set(served.grains) == {"person"}
    report = promotion.compare(root, said.bundle, as_of, top=30)
    assert "尚无查实" in report["grains"]["admission"]["champion"]["reason"]
    promotion.promote(root, said.bundle, ["甲", "乙"], grains=["admission"])
    assert active_table(root / "models")["grains"]["admission"] == said.bundle
    back, _ = promotion.rollback(root, ["甲", "乙"])
    assert back == {"admission": "", "person": said.bundle}
    assert fit(root / "told", as_of, log=False, promote=True).in_force == ["admission", "person"]


def test_a_worse_model_does_not_follow_one_that_cannot_score(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(root, as_of, log=False)
    monkeypatch.setattr("training.fit.mismatch", lambda model, matrix: "列 swipes_90 的声明已改")
    monkeypatch.setattr("training.fit.worse_than_without", lambda said: "不如" if said.grain == "admission" else "")
    second = fit(root, as_of, seed=9, log=False)
    assert active_table(root / "models")["grains"] == {"person": second.bundle}


def test_compare_breaks_ties_as_the_list_does() -> None:
    """The chance of a coarse curve is one for many; the finer risk decides, not the number of the stay."""
    frame = pd.DataFrame({"risk": 0.1, "placed": [1.0, 3.0, 2.0]}, index=["A", "B", "C"])
    assert list(in_order(frame)) == ["B", "C", "A"]
    assert places(frame).tolist() == [1.0, 3.0, 2.0]


def test_gate_text_names_who_moves(county: County, root: Path, as_of: date) -> None:
    fit(root, as_of, log=False)
    other = fit(root, as_of, seed=9, log=False, promote=False)
    text = gate_text(promotion.compare(root, other.bundle, as_of, top=30))
    assert "前 30 名" in text
    assert "暂不能比较效果" in text, "both models know all that is known on that day"


def run(*words: str) -> str:
    """The command's stdout; a refusal is raised as UserError, as `main` expects."""
    done = CliRunner().invoke(command.app, list(words), catch_exceptions=False, standalone_mode=False)
    return done.stdout


def test_the_whole_way_on_the_command_line(county: County, root: Path, as_of: date, tmp_path: Path) -> None:
    first = fit(root, as_of, log=False)
    second = fit(root, as_of, seed=9, log=False)
    assert not second.active
    assert "models promote" in second.standing
    place = ("--warehouse", str(root))
    listed = {m["hash"]: m["state"] for m in json.loads(run("models", "list", *place, "--json"))["models"]}
    assert listed == {first.bundle: "champion", second.bundle: "challenger"}
    name = second.bundle[:8]
    with pytest.raises(UserError, match="对比报告"):
        run("models", "promote", name, *place, "--signed-by", "甲", "--signed-by", "乙")
    out = tmp_path / "report.md"
    run("models", "compare", name, *place, "--as-of", f"{as_of}", "--top", "20", "--out", str(out))
    assert "前 20 名" in out.read_text("utf-8")
    for signatures, reason in ((("甲",), "2位不同"), (("甲", "甲 "), "2位不同")):
        with pytest.raises(UserError, match=reason):
            run("models", "promote", name, *place, *(w for s in signatures for w in ("--signed-by", s)))
    with pytest.raises(UserError, match="训练人"):
        run("models", "promote", name, *place, "--signed-by", "甲", "--signed-by", "乙", "--trainer", "甲")
    assert active_table(root / "models")["grains"]["admission"] == first.bundle, "a refused promotion changes nothing"
    run("models", "promote", name, *place, "--signed-by", "甲", "--signed-by", "乙", "--trainer", "丙")
    assert active_table(root / "models")["grains"]["admission"] == second.bundle
    with pytest.raises(UserError, match="2位不同"):
        run("models", "rollback", *place, "--signed-by", "丁")
    two = ("--signed-by", "丁", "--signed-by", "戊")
    back = json.loads(run("models", "rollback", *place, *two, "--note", "复核", "--json"))
    assert back["in_force"]["admission"] == first.bundle
    told = json.loads(run("models", "history", *place, "--json"))["history"]
    assert [(e["action"], e["by"]) for e in told] == [
        ("first", []), ("challenger", []), ("compare", []), ("promote", ["乙", "甲"]), ("rollback", ["丁", "戊"])
    ]  # fmt: skip
    assert told[3]["entered_by"] == told[4]["entered_by"] == told[2]["entered_by"] != ""
    with pytest.raises(UserError, match="没有唯一"):
        run("models", "compare", "ffffffff", *place, "--as-of", f"{as_of}")


def test_a_champion_that_cannot_score_is_replaced_at_once(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that kept a model which makes no list would stop the service; the change stands in the history."""
    fit(root, as_of, log=False)
    monkeypatch.setattr("training.fit.mismatch", lambda model, matrix: "列 swipes_90 的声明已改")
    second = fit(root, as_of, seed=9, log=False)
    assert second.active
    assert "cannot score" in promotion.history(root)[-1]["note"]


def test_both_models_are_judged_on_what_neither_had_seen(
    county: County, root: Path, as_of: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(root, as_of - timedelta(days=60), log=False)
    other = fit(root, as_of - timedelta(days=40), seed=9, log=False, promote=False)
    seen = county.labels.assign(y=(county.labels["outcome"] == "confirmed").astype(float))
    asked = []
    monkeypatch.setattr(side_by_side, "outcomes_after", lambda store, grain, day, last: asked.append(day) or seen)
    report = promotion.compare(root, other.bundle, as_of, top=30)
    assert asked[0] == as_of - timedelta(days=40), "the first list lies at the later of the two models"
    record = report["grains"]["admission"]["figures"][0]
    assert record["challenger"]["auc"]["value"] > 0.6
    assert record["champion"]["precision_100"]["n"] >= 20
    assert "有结论者查实率@30" in gate_text(report)


def test_a_damaged_bundle_is_listed_as_damaged(county: County, root: Path, as_of: date) -> None:
    name = fit(root, as_of, log=False).bundle
    (root / "models" / name / "person.json").write_bytes(b"{}")
    assert promotion.bundles(root)[0]["state"].startswith("damaged")

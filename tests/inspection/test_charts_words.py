"""Strata of a sample of charts in words."""

from inspection.charts import stratum_zh


def test_a_stratum_is_told_in_words() -> None:
    assert [stratum_zh(c) for c in ("0非手术", "1手术", "2手术")] == ["低费非手术", "中费手术", "高费手术"]
    assert stratum_zh("1手术", "票据") == "中费统筹"

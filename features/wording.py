"""Turns of phrase shared by reason sentences; `{…}` are filled by features/reasons.py."""


def above(unit: str = "") -> str:
    """The clause that places a high value among its peers: （同类中位3天，高于98%的同类）."""
    return "（同类中位{peer}" + unit + "，高于{percentile}的同类）"


def below(unit: str = "") -> str:
    """The same for a value that is suspicious when low."""
    return "（同类中位{peer}" + unit + "，低于{percentile}的同类）"

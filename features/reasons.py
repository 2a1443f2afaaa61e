"""A declaration's template × where the value stands → one Chinese sentence with its number."""

import math
import re

from features.declare import Feature
from features.peers import Standing

#: What a template says of the peers stands in brackets, so that it can be left out whole.
PEERS = re.compile(r"（[^（）]*\{(?:peer|percentile)\}[^（）]*）")
SIDE = re.compile(r"[高低]于(?=\{percentile\})")
FEW = "（同类样本不足）"
#: Codes (codes.md) that declarations use for short; a reader gets the words beside them.
CODES = re.compile(r"[NT]\d\d(?:[、/][NT]\d\d)*[，、]?")


def number(value: float, unit: str) -> str:
    """A value as people write it: 12,345.67元, 35%, 3天. Percentages are kept as fractions inside."""
    if value is None or math.isnan(value):
        return "无"
    if unit == "%":
        return f"{value * 100:.0f}%" if abs(value * 100) >= 1 or value == 0 else f"{value * 100:.1f}%"
    if unit == "元":
        return f"{value:,.2f}"
    if abs(value - round(value)) < 1e-9:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"


def share(percent: float) -> str:
    """A share of the peers: 68.6%; who is one of them never leaves all of them behind."""
    return f"{min(percent, 99.9):.1f}".rstrip("0").rstrip(".") + "%"


def in_words(text: str) -> str:
    """A text without the codes of innocents and schemes (N05, T01)."""
    return CODES.sub("", text).replace("（）", "").strip()


def render(feature: Feature, window: int, standing: Standing) -> str:
    """The reason as printed. With fewer than 10 peers nothing is said of them but 样本不足; `either` names the side on
    which the value lies."""
    template = feature.reason.replace("（命中{value}）", "")
    if standing.few:
        template = PEERS.sub(FEW, template)
    template = SIDE.sub("低于" if standing.side(feature.worse) == "low" else "高于", template)
    return in_words(
        template.format(
            window=window,
            value=number(standing.value, feature.unit),
            unit=feature.unit,
            peer=number(standing.median, feature.unit),
            percentile=share(standing.left_behind(feature.worse)),
            n=standing.n,
        )
    )

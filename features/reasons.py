"""A declaration's template × value × peers → one Chinese sentence with its number."""

import math

from features.declare import Feature
from features.peers import MIN_PEERS


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


def render(feature: Feature, window: int, value: float, peer: float, percentile: float, n: float) -> str:
    """The reason as printed. With fewer than 10 peers no percentile is claimed: 样本不足."""
    few = not n >= MIN_PEERS
    if math.isnan(percentile):
        percentile = 0.0
    below = 100.0 - percentile if feature.worse == "low" else percentile
    shown = "样本不足" if few else f"{min(below, 99.9):.1f}".rstrip("0").rstrip(".") + "%"
    text = feature.reason.format(
        window=window,
        value=number(value, feature.unit),
        unit=feature.unit,
        peer=number(peer, feature.unit),
        percentile=shown,
        n=int(n),
    )
    return text.replace("高于样本不足的", "同类样本不足，").replace("低于样本不足的", "同类样本不足，")

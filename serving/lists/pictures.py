"""Pictures of a suspect's evidence, as SVG made when a list is published: timeline and ring. Each has a table twin on its page.

Input are the JSON-ready parts of a dossier (serving.lists.dossier.dossier). The same input gives the same picture. Colours differ in
lightness too, and shapes differ, so that a black-and-white print tells the same story.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from claims.shown_text import mask

#: First installed one wins; without the CJK names a Chinese label falls back to a serif face.
FONT = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, SimSun, sans-serif"
INK, STAY, SWIPE, INSIDE, UNKNOWN, MUTED = "#22303c", "#9db8cf", "#5f7f99", "#b5561c", "#8a8f94", "#c9d2da"
WIDTH = 1180
RING_NODES = 60
UNIT_ROWS = 16


def svg(chart: alt.TopLevelMixin) -> str:
    """A chart as SVG text. Text stays text: the reader's browser needs a CJK font, as every office machine has."""
    configured = chart.configure(font=FONT).configure_view(stroke=None)  # type: ignore[attr-defined]
    axes = {"labelColor": INK, "titleColor": INK, "gridColor": "#e6eaee", "domainColor": MUTED, "tickColor": MUTED}
    return str(
        vl_convert.vegalite_to_svg(
            configured.configure_axis(labelFontSize=13, titleFontSize=13, **axes).to_dict(validate=False)
        )
    )


def timeline(
    events: Sequence[dict[str, Any]], as_of: str, focus: str | None = None, units: Mapping[str, str] | None = None
) -> alt.TopLevelMixin:
    """Stays as bands over the whole height, so that one sees which swipes lie inside; visits as marks, by institution. Swipes elsewhere on an inner day of a stay
    stand out. An open stay ends at `as_of`. units: code → name; beyond UNIT_ROWS those with fewest visits share a row."""
    frame = pd.DataFrame(
        list(events), columns=["kind", "id", "fixmedins_code", "begin_at", "end_at", "fen", "inside", "what"]
    )
    now = pd.Timestamp(as_of) + (pd.Timedelta(days=1) if len(as_of) == 10 else pd.Timedelta(0))
    frame["begin"] = pd.to_datetime(frame["begin_at"])
    frame["end"] = pd.to_datetime(frame["end_at"]).fillna(now)
    frame["yuan"] = frame["fen"].astype("float64") / 100
    frame["unit"] = _named(frame["fixmedins_code"].astype(str), units or {}, frame["kind"] == "stay")
    stays = frame[frame["kind"] == "stay"].copy()
    stays["which"] = ["本次住院" if focus is not None and i == focus else "住院" for i in stays["id"]]
    swipes = frame[frame["kind"] != "stay"].copy()
    swipes["which"] = ["住院期间在他处刷卡" if inside else "门诊/药店刷卡" for inside in swipes["inside"]]
    swipes.loc[swipes["kind"] == "unknown", "which"] = "类别未对照的就诊"
    for part in (stays, swipes):
        for column in ("begin", "end"):
            part[column] = part[column].dt.strftime("%Y-%m-%dT%H:%M:%S")
    names = ["本次住院", "住院", "门诊/药店刷卡", "住院期间在他处刷卡"]
    names += ["类别未对照的就诊"] * ("unknown" in set(frame["kind"]))
    colour = alt.Color(
        "which:N",
        title=None,
        scale=alt.Scale(domain=names, range=["#2f5d86", STAY, SWIPE, INSIDE, UNKNOWN][: len(names)]),
        legend=alt.Legend(orient="top", labelFontSize=13, symbolOpacity=1),
    )
    rows = list(dict.fromkeys(frame.sort_values(["kind", "unit"], kind="stable")["unit"]))
    y = alt.Y("unit:N", title=None, sort=rows, axis=alt.Axis(labelLimit=190, grid=False))
    x = alt.X("begin:T", title=None, axis=alt.Axis(format="%Y-%m-%d", labelAngle=0, tickCount=6, grid=True))
    fields = ["begin", "end", "unit", "which", "yuan"]
    behind = alt.Chart(_data(stays, fields)).mark_rect(opacity=0.22).encode(x=x, x2="end:T", color=colour)
    bands = alt.Chart(_data(stays, fields)).mark_bar(height=14, opacity=0.95).encode(x=x, x2="end:T", y=y, color=colour)
    marks = (
        alt.Chart(_data(swipes, fields))
        .mark_point(size=64, filled=True, opacity=0.9)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=alt.Shape(
                "which:N",
                legend=None,
                scale=alt.Scale(
                    domain=names, range=["square", "square", "circle", "triangle-down", "diamond"][: len(names)]
                ),
            ),
        )
    )
    return alt.layer(behind, bands, marks).properties(width=WIDTH - 150, height=max(60, 26 * len(rows)))


def _named(codes: pd.Series, units: Mapping[str, str], stay: pd.Series) -> pd.Series:
    """The row of each event: the unit's name, with its code where two share one; units rarely gone to and without a stay share a row where there are many."""
    shared = {n for n, k in Counter(units.get(c, c) for c in codes.unique()).items() if k > 1}
    told = {c: f"{units[c]} {c[-4:]}" if units.get(c) in shared else units.get(c) or c for c in codes.unique()}
    often = codes.value_counts() + codes[stay].value_counts().reindex(codes.unique(), fill_value=0) * len(codes)
    kept = set(often.sort_index().sort_values(ascending=False, kind="stable").index[:UNIT_ROWS])
    rest = f"其他{codes.nunique() - UNIT_ROWS}家"
    return codes.map(lambda c: told[c] if c in kept else rest)


def _data(values: Any, columns: Sequence[str] | None = None) -> Any:
    """Inline data of a chart; of a frame the named columns."""
    rows = json.loads(values[list(columns)].to_json(orient="records")) if columns is not None else values
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def pictures_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The pictures of a dossier by name: the timeline of its people, the picture of a ring."""
    members = document["entity"].get("members")
    if members:
        return {"ring": svg(ring(members.split(";"), companions(document["events"])))}
    if document["events"]:
        focus = document["entity_id"] if document["grain"] == "admission" else None
        return {"timeline": svg(timeline(document["events"], document["as_of"], focus, document["units"]))}
    return {}


def companions(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pairs of ring members with the number of days on which both were at one institution: `a, b, days, units`, most days first."""
    present: dict[tuple[str, str], set[str]] = {}
    for event in events:
        if event.get("begin_at") and event.get("psn_no"):
            present.setdefault((str(event["begin_at"])[:10], str(event["fixmedins_code"])), set()).add(
                str(event["psn_no"])
            )
    days: Counter[tuple[str, str]] = Counter()
    units: dict[tuple[str, str], set[str]] = {}
    seen: set[tuple[str, str, str]] = set()
    for (day, unit), people in sorted(present.items()):
        for a, b in itertools.combinations(sorted(people), 2):
            units.setdefault((a, b), set()).add(unit)
            if (a, b, day) not in seen:
                seen.add((a, b, day))
                days[a, b] += 1
    order = sorted(days.items(), key=lambda item: (-item[1], item[0]))
    return [{"a": a, "b": b, "days": count, "units": sorted(units[a, b])} for (a, b), count in order]


def ring(members: Sequence[str], pairs: Sequence[dict[str, Any]]) -> alt.TopLevelMixin:
    """Members on a circle, thicker lines for more days together. At most 60 members are drawn, those with most days; the table has all."""
    weight: Counter[str] = Counter()
    for pair in pairs:
        weight[pair["a"]] += pair["days"]
        weight[pair["b"]] += pair["days"]
    drawn = sorted(members, key=lambda m: (-weight[m], m))[:RING_NODES]
    place = {
        m: (math.cos(2 * math.pi * i / len(drawn)), math.sin(2 * math.pi * i / len(drawn))) for i, m in enumerate(drawn)
    }
    lines = [
        {
            "x": place[p["a"]][0],
            "y": place[p["a"]][1],
            "x2": place[p["b"]][0],
            "y2": place[p["b"]][1],
            "days": p["days"],
        }
        for p in pairs
        if p["a"] in place and p["b"] in place
    ]
    dots = [
        {"x": x, "y": y, "lx": x * 1.24, "ly": y * 1.12, "name": mask(m), "days": weight[m]}
        for m, (x, y) in place.items()
    ]
    wide = alt.Scale(domain=[-1.45, 1.45])
    x, y = alt.X("x:Q", axis=None, scale=wide), alt.Y("y:Q", axis=None, scale=wide)
    edges = (
        alt.Chart(_data(lines))
        .mark_rule(color=SWIPE, opacity=0.55)
        .encode(
            x=x,
            y=y,
            x2="x2:Q",
            y2="y2:Q",
            strokeWidth=alt.StrokeWidth(
                "days:Q", title="同日同机构天数", scale=alt.Scale(range=[0.6, 7]), legend=alt.Legend(orient="bottom")
            ),
        )
    )
    nodes = alt.Chart(_data(dots)).mark_circle(color="#2f5d86", opacity=1, size=150).encode(x=x, y=y)
    names = (
        alt.Chart(_data(dots))
        .mark_text(fontSize=12, color=INK)
        .encode(x=alt.X("lx:Q", axis=None, scale=wide), y=alt.Y("ly:Q", axis=None, scale=wide), text="name:N")
    )
    return alt.layer(edges, nodes, names).properties(width=620, height=460)

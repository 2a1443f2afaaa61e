"""A plan as files: CSV, JSON, a calendar (.ics), a map-like picture (.svg, coordinates alone, no map server)."""

from __future__ import annotations

import csv
import io
import json
from html import escape
from pathlib import Path

from claims.errors import UserError
from claims.shown_text import harmless
from claims.store.files import PRIVATE, put
from inspection.map_labels import labelled
from inspection.plan import DRAWN, Plan, Visit
from inspection.settings import WEEKDAYS, hhmm

LEAD = "疑点线索，非违规结论"
COLUMNS = ["日期", "星期", "检查组", "检查人员", "顺序", "到达", "离开", "机构编码", "机构名称", "片区", "类型", "缘由", "查实可能", "若查实金额（元）", "预计查实（元）", "路程（分钟）", "路程（公里）", "坐标"]  # fmt: skip
COLOURS = ("#1b6ca8", "#b5541c", "#2f7d4f", "#7b4fa3", "#a83250", "#4d6470", "#8a7a12", "#136f75")


def read_visits(path: Path) -> dict[str, str]:
    """Unit → team, people, day and hours, of a plan written as .json. UserError naming the file and what is wrong."""
    try:
        visits = json.loads(path.read_text("utf-8"))["visits"]
        return {str(v["site"]): f"{v['day']} {v['start']}–{v['end']}　{v['team']}（{'、'.join(v['members'])}）　{v['why']}" for v in visits if not v["done"]}  # fmt: skip
    except OSError as error:
        raise UserError(f"{path}：读不到文件（{error.strerror}）；请检查路径") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path}：不是检查计划；请给出 xiezhi plan --out 写出的 .json") from None


def row(v: Visit) -> list[str]:
    """One line of the table."""
    return [
        v.day.isoformat(), f"周{WEEKDAYS[v.day.weekday()]}", v.team, "、".join(v.members), str(v.order) if v.order else "已查", hhmm(v.start), hhmm(v.end), v.site, v.name, v.area,
        v.kind, v.why, f"{v.chance:.0%}" if v.yuan or v.chance else "", f"{v.yuan:.0f}" if v.yuan else "", f"{v.chance * v.yuan:.0f}" if v.yuan and v.chance else "", str(v.travel_minutes), "未知" if v.kilometres is None else f"{v.kilometres:.1f}",
        "有" if v.place_known else "无（按片区中位）",
    ]  # fmt: skip


def as_csv(plan: Plan) -> str:
    """With a byte order mark, for spreadsheets; text that begins like a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for v in plan.visits:
        writer.writerow([harmless(cell) for cell in row(v)])
    return "\ufeff" + out.getvalue()


def as_json(plan: Plan) -> str:
    """Every field, plain values."""
    return json.dumps({**plan.to_json(), "说明": LEAD}, ensure_ascii=False, indent=1, default=str) + "\n"


def as_calendar(plan: Plan) -> str:
    """RFC 5545, one event a visit, local time of China; lines folded at 74 bytes."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//xiezhi//plan//ZH", "CALSCALE:GREGORIAN"]
    lines += ["BEGIN:VTIMEZONE", "TZID:Asia/Shanghai", "BEGIN:STANDARD", "DTSTART:19910915T000000", "TZOFFSETFROM:+0800", "TZOFFSETTO:+0800", "END:STANDARD", "END:VTIMEZONE"]  # fmt: skip
    for v in plan.visits:
        stamp = f"{v.day:%Y%m%d}T"
        lines += [
            "BEGIN:VEVENT", f"UID:{plan.week}-{v.site}@xiezhi", f"DTSTAMP:{plan.days[0]:%Y%m%d}T000000Z", f"DTSTART;TZID=Asia/Shanghai:{stamp}{hhmm(v.start).replace(':', '')}00",
            f"DTEND;TZID=Asia/Shanghai:{stamp}{hhmm(v.end).replace(':', '')}00", f"SUMMARY:{_text(f'{v.team} {v.name}')}",
            f"DESCRIPTION:{_text(f'{v.why}；{v.kind}；检查人员 ' + '、'.join(v.members) + f'。{LEAD}')}", f"LOCATION:{_text(f'{v.area} {v.name}')}",
        ]  # fmt: skip
        if v.place and v.place_known:
            lines.append(f"GEO:{v.place[1]:.5f};{v.place[0]:.5f}")
        lines.append("END:VEVENT")
    return "".join(_folded(line) for line in [*lines, "END:VCALENDAR"])


def _text(words: str) -> str:
    for sign in ("\\", ";", ","):
        words = words.replace(sign, "\\" + sign)
    return words.replace("\n", "\\n")


def _folded(line: str) -> str:
    out, length = "", 0
    for sign in line:
        size = len(sign.encode())
        if length + size > 74:
            out, length = out + "\r\n ", 1
        out, length = out + sign, length + size
    return out + "\r\n"


def as_picture(plan: Plan, width: int = 900, height: int = 700) -> str:
    """Units by their coordinates, one line a team and day, areas named in their middle; unknown places hollow, without a line. Names overlap nothing
    (inspection/map_labels.py): where there is no room a number stands, and its name below the map."""
    points = [v for v in plan.visits if v.place]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + 40}" viewBox="0 0 {width} {height + 40}" font-family="sans-serif" font-size="12">', f"<title>{escape(plan.week)} 检查路线</title>", f'<rect width="{width}" height="{height + 40}" fill="#ffffff"/>']  # fmt: skip
    if not points:
        out.append('<text x="20" y="40">没有可画的坐标</text></svg>')
        return "\n".join(out) + "\n"
    xs, ys = [v.place[0] for v in points if v.place], [v.place[1] for v in points if v.place]
    reach = max(max(xs) - min(xs), (max(ys) - min(ys)) * 1.15, 1e-3)

    def at(place: tuple[float, float]) -> tuple[float, float]:
        return 60 + (place[0] - min(xs)) / reach * (width - 160), height - 60 - (place[1] - min(ys)) * 1.15 / reach * (
            height - 120
        )

    colour = {t.name: COLOURS[i % len(COLOURS)] for i, t in enumerate(plan.teams)}
    for area in sorted({v.area for v in points}):
        mine = [at(v.place) for v in points if v.area == area and v.place]
        x, y = sum(p[0] for p in mine) / len(mine), sum(p[1] for p in mine) / len(mine)
        out.append(
            f'<text x="{x:.0f}" y="{y:.0f}" font-size="26" fill="#dddddd" text-anchor="middle">{escape(area)}</text>'
        )
    for team in plan.teams:
        for number, day in enumerate(plan.days):
            route = [at(v.place) for v in points if v.team == team.name and v.day == day and v.place and v.place_known]
            if len(route) > 1:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in route)
                dashes = f' stroke-dasharray="{8 - number} {number + 1}"' if number else ""
                out.append(
                    f'<polyline points="{path}" fill="none" stroke="{colour[team.name]}" stroke-width="2"{dashes}/>'
                )
    dots, words = [at(v.place) for v in points if v.place], []
    for v, (x, y) in zip(points, dots, strict=True):
        tone = colour.get(v.team, "#333333")
        radius, fill = (7 if v.why == DRAWN else 5), (tone if v.place_known else "#ffffff")
        words.append(f"周{WEEKDAYS[v.day.weekday()]}{v.order or ''} {v.name}")
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" stroke="{tone}" stroke-width="2"/>')
    labels = labelled(dots, words, width, height)
    listed = [v for v, label in zip(points, labels, strict=True) if label.number]
    for label in labels:
        if label.line:
            (x, y), (p, q) = label.line, label.end
            out.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{p:.1f}" y2="{q:.1f}" stroke="#999999"/>')
    halo = 'paint-order="stroke" stroke="#ffffff" stroke-width="3"'
    for label in labels:
        out.append(f'<text x="{label.x:.1f}" y="{label.y:.1f}" {halo}>{escape(label.said)}</text>')
    for i, v in enumerate(listed):
        said = escape(f"{i + 1}　周{WEEKDAYS[v.day.weekday()]}{v.order or ''} {v.team} {v.name}")
        x, y = 20 + (i % 3) * (width - 40) / 3, height + 52 + i // 3 * 18
        out.append(f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour.get(v.team, "#333333")}">{said}</text>')
    whole = height + 40 + (18 * -(-len(listed) // 3) + 14 if listed else 0)
    out[0], out[2] = out[0].replace(f"{height + 40}", f"{whole}"), out[2].replace(f"{height + 40}", f"{whole}")
    for i, team in enumerate(plan.teams):
        said = escape(f"{team.name} {'、'.join(team.members)}")
        out.append(f'<text x="{20 + 150 * i}" y="{height + 24}" fill="{colour[team.name]}">● {said}</text>')
    out.append(
        f'<text x="20" y="24">{escape(plan.week)} 检查路线（按经纬度示意，大圆为随机抽查，空心为坐标未知）{LEAD}</text></svg>'
    )
    return "\n".join(out) + "\n"


def plan_text(plan: Plan) -> str:
    """The plan for a terminal."""
    unit = "元" if plan.objective == "amount" else "件"
    lines = [
        f"{plan.week}：{len(plan.visits)} 次检查，预计查实 {plan.worth:,.1f} {unit}，不可能超过 {plan.bound:,.1f} {unit}（差距至多 {plan.gap:.1%}）"
    ]
    if plan.price > 0:
        lines.append(f"人工调整使预计少查实 {plan.price:,.1f} {unit}")
    for v in plan.visits:
        lines.append(
            f"  {v.day:%m-%d} 周{WEEKDAYS[v.day.weekday()]} {v.team} {hhmm(v.start)}–{hhmm(v.end)} {v.name}（{v.kind}，{v.why}）"
        )
    lines += [f"  未能满足：{u}" for u in plan.unmet] + [f"  说明：{n}" for n in plan.notes]
    return "\n".join([*lines, LEAD])


WRITERS = {".csv": as_csv, ".json": as_json, ".ics": as_calendar, ".svg": as_picture}


def check_ending(out: Path) -> None:
    """UserError for a file of another ending, or in a folder that is not there."""
    if out.suffix.lower() not in WRITERS:
        raise UserError(f"--out {out}：请写 {'、'.join(WRITERS)} 之一")
    if not out.resolve().parent.is_dir():
        raise UserError(f"--out {out}：文件夹不存在；请先建好")


def write_plan(plan: Plan, out: Path) -> None:
    """By the ending of the file."""
    check_ending(out)
    put(out, WRITERS[out.suffix.lower()](plan).encode("utf-8"), PRIVATE)

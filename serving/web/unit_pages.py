"""An institution over months beside its peers, the published table of hospitals, and the model behind the lists: all as published; only the office's points are counted from it here."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from claims.errors import UserError
from inspection.estimate import SMALL
from inspection.ladder import FIGURES, office_ladder, scored, shown
from serving.desk import log
from serving.desk.database import Desk
from serving.lists import publish
from serving.lists.briefs import adjusted
from serving.web import shapes
from serving.web.masking import masked
from serving.web.render import LEVEL_ZH, kind, person, respond


def routes(warehouse: Callable[[], Path], desk: Callable[[], Desk]) -> list[Route]:
    """The routes over the desk of this process."""

    @kind
    def every(request: Request) -> Response:
        run, who = publish.current(warehouse()), person(request)
        listed = (
            {r["entity_id"]: r["lead"] for r in run.worklist("institution")["rows"]}
            if "institution" in run.grains
            else {}
        )
        rows = [
            {"code": c, **u, "lead": listed.get(c), "level_zh": LEVEL_ZH.get(u["level"], "")}
            for c, u in run.units().items()
            if who.sees(str(u["area"] or ""))
        ]
        data = {"title": "机构", "as_of": run.manifest["as_of"], "run": run.name, "units": rows}
        return respond(request, "units.html", data)

    @kind
    def one(request: Request) -> Response:
        run, who, code = publish.current(warehouse()), person(request), request.path_params["code"]
        unit = run.unit(code)
        if not who.sees(str(unit["area"] or "")):
            raise UserError(f"批次 {run.name} 没有机构 {code}")
        mine = {n: [r for r in run.worklist(n)["rows"] if who.sees(str(r["area"] or ""))] for n in run.grains}
        leads = [_lead(n, r) for n, rows in mine.items() for r in rows if code in (r["fixmedins_code"], r["entity_id"])]
        doctors = {r["entity_id"]: r["lead"] for r in mine.get("doctor", [])}
        shown = [d | {"lead": doctors.get(d["dr_codg"])} for d in unit["doctors"]]
        people = {r["entity_id"]: r["lead"] for r in mine.get("person", [])}
        cards = [c | {"lead": people.get(c["psn_no"])} for c in unit["cards"]]
        of_stays = ""
        with suppress(UserError):  # a run without briefs
            of_stays = adjusted(run.brief(code))
        data: dict[str, Any] = masked({**unit, "doctors": shown, "cards": cards, "leads": leads}, "institution")
        extra = {
            "title": f"机构 {unit['name']}",
            "of_stays": of_stays,
            "level_zh": LEVEL_ZH.get(unit["level"], ""),
            "bars": shapes.bars(unit["months"], "paid_yuan"),
            "means": shapes.bars(unit["months"], "mean_yuan", "peer_yuan"),
            "as_of": run.manifest["as_of"],
            "run": run.name,
        }
        log.note(desk(), "read", who.name, f"{run.name}/unit/{code}"[:120])
        return respond(request, "unit.html", {**data, **extra})

    @kind
    def ladder(request: Request) -> Response:
        run, who = publish.current(warehouse()), person(request)
        months = run.ladder()
        month = request.query_params.get("month") or next(iter(months), "")
        if months and month not in months:
            raise UserError(f"批次 {run.name} 没有 {month[:7]} 的公示表")
        rows = [
            {"unit": r["unit"], "name": r["name"], "level_zh": LEVEL_ZH.get(int(r["level"]), "")}
            | {"figures": [shown(c, r[c]) for c in FIGURES]}
            for r in months.get(month, [])
            if who.sees(str(r["area"] or ""))
        ]
        mine = [r for r in months.get(month, []) if who.sees(str(r["area"] or ""))]
        asked, wrong = None, ""
        try:
            asked = office_ladder(warehouse())
        except UserError as error:
            wrong = str(error).replace(f"{warehouse()}/", "")
        points = (
            scored(pd.DataFrame(mine).astype(dict.fromkeys(FIGURES, float)), asked)
            if asked and mine
            else pd.DataFrame()
        )
        quota = {x.name for x in (asked.indicators if asked else ()) if x.column == "budget_use"}
        no_quota = [h in quota for h in points.columns]
        data = {
            "points": [
                [_point(x, dash) for x, dash in zip(row, no_quota, strict=True)]
                for row in points.itertuples(index=False)
            ],
            "point_heads": list(points.columns),
            "indicators": [
                {"name": x.name, "column": FIGURES[x.column], "points": x.points}
                | {"good": shown(x.column, x.good), "bad": shown(x.column, x.bad)}
                for x in (asked.indicators if asked else ())
            ],
            "grades": [f"{g} {least:.0f} 分以上" for g, least in (asked.grades if asked else ())],
            "wrong": wrong,
            "title": "机构公示表",
            "as_of": run.manifest["as_of"],
            "run": run.name,
            "month": month,
            "months": list(months),
            "heads": list(FIGURES.values()),
            "rows": rows,
        }
        return respond(request, "ladder.html", data)

    @kind
    def model(request: Request) -> Response:
        run = publish.current(warehouse())
        told = run.model()
        lists = {n: {**told["lists"].get(n, {}), "facts": f} for n, f in run.manifest["lists"].items()}
        for one in lists.values():
            most = max((s["mean"] for s in one.get("signals", [])), default=0.0) or 1.0
            one["signals"] = [s | {"wide": round(160 * s["mean"] / most, 1)} for s in one.get("signals", [])]
        data = {
            **told,
            "title": "模型",
            "lists": lists,
            "trained": told["as_of"],
            "as_of": run.manifest["as_of"],
            "run": run.name,
        }
        return respond(request, "model.html", data)

    return [
        Route("/units", every),
        Route("/units.json", every),
        Route("/units/ladder", ladder),
        Route("/units/ladder.json", ladder),
        Route("/units/{code}.json", one),
        Route("/units/{code}", one),
        Route("/model", model),
        Route("/model.json", model),
    ]


def _point(value: Any, dash: bool = False) -> str:
    """A cell of the thousand points: a whole total, one decimal of an indicator; 样本不足 where it could not be measured, a dash where nobody sent a quota."""
    if not isinstance(value, float):
        return str(value)
    return ("—" if dash else SMALL) if pd.isna(value) else f"{value:.1f}".removesuffix(".0")


def _lead(name: str, row: dict[str, Any]) -> dict[str, Any]:
    shown = ("lead", "entity_id", "label", "psn_no", "scheme", "amount_at_risk_yuan", "reason_1", "members")
    return {k: row.get(k) for k in shown} | {"list": name, "grain": row["grain"]}

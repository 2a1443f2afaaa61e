"""The pages: this week's lists and, for each row, one page that says who, what, how much, why, and what could clear them.

They read the published run only; nothing is computed on request but pictures. Personal numbers leave masked, in HTML and JSON alike.
Rows are addressed by their number on the sheet, so that no personal number stands in an address, a log or a browser's history.
"""

import functools
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from claims.errors import Damaged, UserError
from claims.schema.tables import CANONICAL
from features.grains import GRAINS, SCHEMES
from features.reasons import number
from serving import charts
from serving.lists import publish
from serving.lists.groups import HEAD, SAID, Group
from serving.lists.schema import DISCLAIMER, NAMES, mask
from serving.web import sessions
from serving.web.limit import Limit
from serving.web.masking import masked
from serving.web.middleware import named_warehouse
from serving.web.workbook import workbook_of

HERE = Path(__file__).parent
TITLES: dict[str, str] = {**{name: spec.page_title for name, spec in GRAINS.items()}, "bedcheck": "今晚查床清单"}
TABLES = {
    "settlements": "结算",
    "fee_details": "费用明细",
    "visits": "就诊登记",
    "discharges": "出院",
    "stays": "住院",
    "refunds": "退费",
}
#: Columns of evidence that a page shows: official names, and what the declarations derive. Others stay in the JSON.
COLUMN_TITLES = {
    **{c.name: c.zh for table in CANONICAL.values() for c in table.columns},
    "row_table": "数据表",
    "row_id": "记录号",
    "happened_at": "发生时间",
    "day": "日期",
    "yuan": "计入本项（元）",
    "record_fee_yuan": "费用总额（元）",
    "record_fund_yuan": "统筹基金支付（元）",
    "record_acct_yuan": "个人账户支付（元）",
    "fixmedins_code": "机构",
    "mdtrt_id": "就诊号",
    "psn_no": "人员（打码）",
    "item": "项目",
    "hilist_code": "目录编码",
    "cnt": "数量",
    "med_list_codg": "目录编码",
    "hilist_name": "项目名称",
    "dr_codg": "医师",
    "pric": "单价（元）",
    "cap": "限价（元）",
    "excess_yuan": "超出（元）",
    "drug": "药品",
    "km": "距离（公里）",
    "gap_hours": "间隔（小时）",
    "gap_minutes": "间隔（分钟）",
    "gap_days": "间隔（天）",
    "nights": "住院夜数",
    "bed_days": "床日",
    "supplied": "供药天数",
    "adm_date": "入院日",
    "end_date": "出院日",
    "dx": "诊断",
    "dx3": "诊断类目",
    "other_id": "另一次就诊",
    "earlier_id": "前次就诊",
    "likeness": "相似度",
    "fund_yuan": "基金支付（元）",
    "fee_yuan": "费用（元）",
    "last_unit": "上一家机构",
    "ward_unit": "住院机构",
}
VISITS = {
    "outpatient": "普通门诊", "outpatient_reg": "门诊挂号", "emergency": "急诊", "chronic": "门诊慢特病", "pharmacy": "药店购药",
    "pharmacy_chronic": "药店慢特病", "two_disease": "两病门诊", "special_drug": "特药", "outpatient_tcm": "中医门诊", "injury_op": "外伤门诊",
    "inpatient": "普通住院", "injury_ip": "外伤住院", "day_surgery": "日间手术", "maternity_ip": "生育住院", "maternity_op": "生育门诊",
    "dialysis": "透析", "inpatient_per_diem": "按床日住院", "inpatient_remote": "异地住院", "inpatient_referral": "转诊住院",
    "inpatient_emergency": "急诊转住院", "inpatient_single_disease": "单病种住院", "unknown": "未归类",
}  # fmt: skip
Page = Callable[[Request], Awaitable[Response]]


def money(value: float | None) -> str:
    """¥12,345.67, or a dash."""
    return "—" if value is None else f"¥{value:,.2f}"


def money_range(low: float | None, high: float | None) -> str:
    """An amount as a range; whole yuan, since more digits would claim what nobody knows."""
    if low is None or high is None:
        return "—"
    return f"¥{low:,.0f}" if round(low) == round(high) else f"¥{low:,.0f} – ¥{high:,.0f}"


@functools.cache
def environment() -> jinja2.Environment:
    """The templates; everything is escaped, an unknown name is an error."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "money": money,
        "mask": mask,
        "figure": figure,
        "table_name": lambda t: TABLES.get(t, t),
        "cell": cell,
    }
    env.globals |= {
        "money_range": money_range,
        "disclaimer": DISCLAIMER,
        "titles": TITLES,
        "names": {**NAMES, "bedcheck": "今晚查床"},
        "schemes": SCHEMES,
        "column_titles": COLUMN_TITLES,
        "visits": VISITS,
        "group_rows": lambda groups: [Group.of(g).row() for g in groups],
        "group_head": HEAD,
        "group_said": SAID,
    }
    return env


def figure(value: float | None, unit: str = "") -> str:
    """A number with its unit as a reader expects it."""
    if value is None:
        return "—"
    text = number(float(value), unit)
    return text if unit == "%" else f"{text}{unit}"


def cell(value: Any) -> str:
    """A cell of evidence as an officer reads it: numbers of at most two decimals, kinds of visit by their names, yes and no in words."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return number(value, "")
    return VISITS.get(value, str(value)) if isinstance(value, str) else str(value)


def wants_json(request: Request) -> bool:
    """A `.json` address, or a caller who accepts JSON and not HTML."""
    accept = request.headers.get("accept", "")
    return request.url.path.endswith(".json") or ("application/json" in accept and "text/html" not in accept)


def respond(request: Request, template: str, data: Mapping[str, Any], status: int = 200) -> Response:
    """A page, or the same data as JSON."""
    if wants_json(request):
        return JSONResponse(dict(data), status_code=status)
    html = environment().get_template(template).render(data=data, here=request.url.path)
    return HTMLResponse(html, status_code=status)


def refuse(request: Request, message: str, status: int) -> Response:
    """What went wrong and what to do, in one sentence."""
    return respond(request, "message.html", {"title": "无法显示", "message": message}, status)


def kind(handler: Callable[[Request], Response]) -> Page:
    """Run a page in a thread and turn a UserError into a message page: 503 where nothing was published or it is damaged,
    else 404."""

    @functools.wraps(handler)
    async def page(request: Request) -> Response:
        try:
            return await run_in_threadpool(handler, request)
        except (publish.Unpublished, Damaged) as error:
            return refuse(request, str(error), 503)
        except UserError as error:
            return refuse(request, str(error), 404)

    return page


def pages(given: Path | None = None) -> Starlette:
    """The application of all pages over one warehouse (the process's own, unless given). Who may come in is the gate's business (serving.web.middleware)."""
    limit = Limit(tries=5, seconds=60)

    def run() -> publish.Run:
        warehouse = named_warehouse(given)
        if warehouse is None:
            raise UserError("no warehouse is named; set XIEZHI_WAREHOUSE, or start with `xiezhi serve --warehouse DIR`")
        return publish.current(warehouse)

    @kind
    def home(request: Request) -> Response:
        try:
            current = run()
        except publish.Unpublished as error:
            return respond(
                request,
                "home.html",
                {"title": "本周清单", "as_of": None, "message": str(error), "lists": [], "notes": [], "absent": {}},
            )
        manifest = current.manifest
        lists = [{"grain": g, "title": TITLES[g], **facts} for g, facts in manifest["lists"].items()]
        data = {
            "title": "本周清单",
            "as_of": manifest["as_of"],
            "run": current.name,
            "published_at": manifest["published_at"],
            "lists": lists,
            "notes": current.notes,
            "absent": {TITLES[g]: why for g, why in manifest["absent"].items()},
        }
        return respond(request, "home.html", data)

    @kind
    def one_list(request: Request) -> Response:
        grain = request.path_params["grain"]
        current = run()
        document = current.worklist(grain)
        rows = sorted(document["rows"], key=lambda r: r["lead"])
        data = masked({**document, "rows": [_unmarked(r) for r in rows]}, grain)
        return respond(
            request,
            "list.html",
            {**data, "title": TITLES.get(grain, grain), "name": grain, "run": current.name, "lists": current.grains},
        )

    @kind
    def rules(request: Request) -> Response:
        current = run()
        data = {"title": "规则", "as_of": current.manifest["as_of"], "run": current.name, "rules": current.rules()}
        return respond(request, "rules.html", data)

    @kind
    def one_rule(request: Request) -> Response:
        number, current = request.path_params["rule"], run()
        card = next((c for c in current.rules() if c["rule"] == number), None)
        if card is None:
            raise UserError(f"this week's run {current.name} knows no rule {number!r}")
        data = {"title": f"规则 {card['name']}", "as_of": current.manifest["as_of"], "run": current.name, "card": card}
        return respond(request, "rule.html", data)

    @kind
    def sheet(request: Request) -> Response:
        grain = request.path_params["grain"]
        current = run()
        body = workbook_of(current, grain)
        name = f"xiezhi-{grain}-{current.manifest['as_of']}.xlsx"
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return Response(body, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})

    @kind
    def one_lead(request: Request) -> Response:
        grain, lead = request.path_params["grain"], request.path_params["lead"]
        current = run()
        document = current.lead(grain, lead)
        facts = current.manifest["lists"][grain]
        count = facts["ranked"] + facts["draw"] + facts["control"]
        pairs = charts.companions(document["events"]) if document["entity"].get("members") else []
        data = masked({**document, "pairs": pairs[:200]}, grain)
        extra = {
            "title": f"{TITLES.get(grain, grain)}第 {lead} 号",
            "name": grain,
            "run": current.name,
            "count": count,
            "sum": document["base"] + sum(c["contribution"] for c in document["contributions"]),
        }
        return respond(request, "lead.html", {**data, **extra})

    @kind
    def picture(request: Request) -> Response:
        document = run().lead(request.path_params["grain"], request.path_params["lead"])
        match request.path_params["picture"]:
            case "timeline" if document["events"]:
                chart = charts.timeline(document["events"], document["as_of"], document["entity_id"])
            case "peers" if document["peers"]:
                chart = charts.peers(document["peers"])
            case "ring" if document["entity"].get("members"):
                chart = charts.ring(document["entity"]["members"].split(";"), charts.companions(document["events"]))
            case other:
                raise UserError(f"this row has no picture {other!r}")
        return Response(charts.svg(chart), media_type="image/svg+xml")

    async def sign_in(request: Request) -> Response:
        token = request.query_params.get("token", "")
        if request.method == "POST":
            token = (parse_qs((await request.body()).decode("utf-8", "replace")).get("token") or [""])[0].strip()
        if not token:
            return respond(request, "sign_in.html", {"title": "登录", "message": ""})
        if not limit.allow():
            return respond(request, "sign_in.html", {"title": "登录", "message": "尝试次数过多，请一分钟后再试。"}, 429)
        warehouse = named_warehouse(given)
        session = sessions.take_token(warehouse, token) if warehouse is not None else None
        if session is None:
            limit.fail()
            message = "口令无效、已用过或已过期。请在服务器上运行 xiezhi serve --new-token --warehouse 仓库 取得新的一次性口令。"
            return respond(request, "sign_in.html", {"title": "登录", "message": message}, 403)
        answer = RedirectResponse("/", status_code=303)
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        answer.set_cookie(
            sessions.COOKIE,
            session,
            httponly=True,
            samesite="strict",
            secure=secure,
            path="/",
            max_age=sessions.ABSOLUTE_SECONDS,
        )
        return answer

    async def sign_out(request: Request) -> Response:
        warehouse = named_warehouse(given)
        session = request.cookies.get(sessions.COOKIE, "")
        if session and warehouse is not None:
            sessions.close(warehouse, session)
        answer = RedirectResponse("/sign-in", status_code=303)
        answer.delete_cookie(sessions.COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    return Starlette(
        routes=[
            Route("/", home),
            Route("/index.json", home),
            Route("/sign-in", sign_in, methods=["GET", "POST"]),
            Route("/sign-out", sign_out, methods=["POST"]),
            Route("/rules.json", rules),
            Route("/rules", rules),
            Route("/rules/{rule}.json", one_rule),
            Route("/rules/{rule}", one_rule),
            Route("/lists/{grain}.json", one_list),
            Route("/lists/{grain}.xlsx", sheet),
            Route("/lists/{grain}", one_list),
            Route("/lists/{grain}/{lead:int}.json", one_lead),
            Route("/lists/{grain}/{lead:int}", one_lead),
            Route("/lists/{grain}/{lead:int}/{picture}.svg", picture),
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ]
    )


def _unmarked(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the sheet shows it: neither slot nor score nor rank, so that a control row is checked like any other."""
    hidden = {"slot", "selection_prob", "rank", "risk", "probability", "scheme_share"}
    return {k: v for k, v in row.items() if k not in hidden}

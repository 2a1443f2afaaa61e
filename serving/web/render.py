"""How pages are made: templates, what words and figures look like, refusals as sentences."""

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from claims.errors import Damaged, UserError
from claims.schema.outcomes import OUTCOMES
from claims.schema.tables import CANONICAL
from features.grains import GRAINS, SCHEMES
from features.reasons import number
from serving.desk.cases import Refused
from serving.desk.people import Person
from serving.desk.states import CLASSES, DISPOSITIONS, STATES
from serving.lists import publish
from serving.lists.groups import HEAD, SAID, Group
from serving.lists.schema import DISCLAIMER, NAMES, TABLES, mask, meaning
from serving.web.fragments import Once

HERE = Path(__file__).parent
TITLES: dict[str, str] = {**{name: spec.page_title for name, spec in GRAINS.items()}, "bedcheck": "今晚查床清单"}
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
        extensions=[Once],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {
        "money": money,
        "mask": mask,
        "figure": figure,
        "table_name": lambda t: TABLES.get(t, t),
        "cell": cell,
        "fen": lambda v: money(None if v is None else v / 100),
    }
    env.globals |= {
        "money_range": money_range,
        "disclaimer": DISCLAIMER,
        "titles": TITLES,
        "names": {**NAMES, "bedcheck": "今晚查床"},
        "schemes": SCHEMES,
        "column_titles": COLUMN_TITLES,
        "visits": VISITS,
        "moment": moment,
        "group_rows": lambda groups: [Group.of(g).row() for g in groups],
        "group_head": HEAD,
        "group_said": SAID,
        "states": STATES,
        "outcomes": {code: o.zh for code, o in OUTCOMES.items()},
        "classes": CLASSES,
        "dispositions": DISPOSITIONS,
    }
    return env


def figure(value: float | None, unit: str = "") -> str:
    """A number with its unit as a reader expects it."""
    if value is None:
        return "—"
    text = number(float(value), unit)
    return text if unit == "%" else f"{text}{unit}"


def cell(value: Any, column: str = "") -> str:
    """A cell of evidence as an officer reads it: numbers of at most two decimals, codes by their official meaning, kinds of visit by their names, yes and no
    in words."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return number(value, "")
    return VISITS.get(value, meaning(column, value)) if isinstance(value, str) else str(value)


def wants_json(request: Request) -> bool:
    """A `.json` address, or a caller who accepts JSON and not HTML."""
    accept = request.headers.get("accept", "")
    return request.url.path.endswith(".json") or ("application/json" in accept and "text/html" not in accept)


def respond(request: Request, template: str, data: Mapping[str, Any], status: int = 200) -> Response:
    """A page, or the same data as JSON."""
    if wants_json(request):
        body = json.dumps(dict(data), ensure_ascii=False, default=str)
        return Response(body, status, media_type="application/json")
    me = getattr(request.state, "person", None)
    html = environment().get_template(template).render(data=data, here=request.url.path, me=me, rights=rights(request))
    return HTMLResponse(html, status_code=status)


def refuse(request: Request, message: str, status: int) -> Response:
    """What went wrong and what to do, in one sentence."""
    return respond(request, "message.html", {"title": "无法显示", "message": message}, status)


def kind(handler: Callable[[Request], Response] | Page) -> Page:
    """Run a page (in a thread, unless it waits by itself) and turn a UserError into a message page: 503 where nothing was published or it is damaged,
    409 for a step that may not be taken, else 404."""

    @functools.wraps(handler)
    async def page(request: Request) -> Response:
        try:
            if inspect.iscoroutinefunction(handler):
                answer: Response = await handler(request)
                return answer
            return await run_in_threadpool(handler, request)  # type: ignore[arg-type]
        except (publish.Unpublished, Damaged) as error:
            return refuse(request, str(error), 503)
        except Refused as error:
            return refuse(request, str(error), 409)
        except UserError as error:
            return refuse(request, str(error), 404)

    return page


def person(request: Request) -> Person:
    """Who asks; the gate has seen to it."""
    found: Person = request.state.person
    return found


def rights(request: Request) -> frozenset[str]:
    """What who asks may do; nothing where nobody is signed in."""
    found: frozenset[str] = getattr(request.state, "rights", frozenset())
    return found


def moment(value: datetime | None) -> str:
    """A time of the desk (UTC) as China reads it; a dash where there is none."""
    return "—" if value is None else (value + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")

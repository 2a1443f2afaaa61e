"""How pages are made: templates, what words and figures look like, refusals as sentences."""

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from claims.clock import as_read
from claims.errors import Damaged, UserError
from claims.schema.code_tables import OF_COLUMN
from claims.schema.departments import department
from claims.schema.outcomes import OUTCOMES
from claims.shown_text import mask
from features.grains import GRAINS, SCHEMES
from features.reasons import number
from serving.desk.cases import Refused
from serving.desk.database import now
from serving.desk.people import Person
from serving.desk.states import CLASSES, DISPOSITIONS, STATES
from serving.lists import publish
from serving.lists.groups import HEAD, SAID, Group
from serving.lists.model_told import ACTS as MODEL_ACTS
from serving.lists.schema import DISCLAIMER, NAMES, TABLES, meaning
from serving.web import evidence_rows, exports, list_filters, shapes
from serving.web.column_titles import COLUMN_TITLES
from serving.web.english import COOKIE, HAN, EnglishLoader, english
from serving.web.fragments import Once
from serving.web.log_words import about, done, particulars
from serving.web.masking import PLACES
from serving.web.middleware import FAILED

HERE = Path(__file__).parent
LEVEL_ZH = {3: "三级", 2: "二级", 1: "一级", 0: "无等级"}
TITLES: dict[str, str] = {**{name: spec.page_title for name, spec in GRAINS.items()}, "bedcheck": "今晚查床清单"}
VISITS = {
    "outpatient": "普通门诊", "outpatient_reg": "门诊挂号", "emergency": "急诊", "chronic": "门诊慢特病", "pharmacy": "药店购药",
    "pharmacy_chronic": "药店慢特病", "two_disease": "两病门诊", "special_drug": "特药", "outpatient_tcm": "中医门诊", "injury_op": "外伤门诊",
    "inpatient": "普通住院", "injury_ip": "外伤住院", "day_surgery": "日间手术", "maternity_ip": "生育住院", "maternity_op": "生育门诊",
    "dialysis": "透析", "inpatient_per_diem": "按床日住院", "inpatient_remote": "异地住院", "inpatient_referral": "转诊住院",
    "inpatient_emergency": "急诊转住院", "inpatient_single_disease": "单病种住院", "unknown": "未归类",
}  # fmt: skip
CHARGES = {c.code: c.zh for c in OF_COLUMN["med_chrgitm_type"].codes}
Page = Callable[[Request], Awaitable[Response]]


def money(value: float | None) -> str:
    """¥12,345.67, or a dash."""
    return "—" if value is None else f"¥{value:,.2f}"


def at_risk(value: float | None) -> str:
    """A suspect's money; a dash where no row that hit carries any, which is not a suspicion of nothing."""
    return money(value or None)


def money_range(low: float | None, high: float | None) -> str:
    """An amount as a range; whole yuan, since more digits would claim what nobody knows."""
    if low is None or high is None:
        return "—"
    return f"¥{low:,.0f}" if round(low) == round(high) else f"¥{low:,.0f} – ¥{high:,.0f}"


LANGUAGES = ("zh", "en")


def language(request: Request) -> str:
    """The language somebody has chosen on this machine: zh unless he chose en."""
    return "en" if request.cookies.get(COOKIE) == "en" else "zh"


@functools.cache
def environment(spoken: str = "zh") -> jinja2.Environment:
    """The templates in a language; everything is escaped, an unknown name is an error."""
    folder = HERE / "templates"
    env = jinja2.Environment(
        loader=EnglishLoader(folder) if spoken == "en" else jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=[Once],
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def said(words: Mapping[str, str]) -> dict[str, str]:
        return {k: english(v) if spoken == "en" else v for k, v in words.items()}

    env.filters |= {
        "said": english if spoken == "en" else str,
        "money": money,
        "at_risk": at_risk,
        "mask": mask,
        "figure": figure,
        "stamped": stamped,
        "table_name": lambda t: TABLES.get(t, t),
        "cell": cell,
        "department": department,
        "chinese": lambda text, instead: text if HAN.search(text) else instead,
        "fen": lambda v: money(None if v is None else v / 100),
    }
    env.globals |= {
        "money_range": money_range,
        "disclaimer": DISCLAIMER,
        "titles": said(TITLES),
        "names": said({**NAMES, "bedcheck": "今晚查床"}),
        "schemes": SCHEMES,
        "column_titles": COLUMN_TITLES,
        "visits": said(VISITS),
        "english": spoken == "en",
        "view": evidence_rows.view,
        "counted": evidence_rows.counted,
        "strip": shapes.strip,
        "line": lambda row: tuple(row.values()),
        "marks": list_filters.marks,
        "mark_names": said(list_filters.MARKS),
        "moment": moment,
        "done": str if spoken == "en" else done,
        "particulars": (lambda d: "" if d == "{}" else d) if spoken == "en" else particulars,
        "about": str if spoken == "en" else about,
        "model_acts": said(MODEL_ACTS),
        "group_rows": lambda groups: [Group.of(g).row() for g in groups],
        "group_head": HEAD,
        "group_said": SAID,
        "states": said(STATES),
        "outcomes": said({code: o.zh for code, o in OUTCOMES.items()}),
        "classes": said(CLASSES),
        "dispositions": said(DISPOSITIONS),
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
    if column == "kind" and value in CHARGES:
        return CHARGES[value]
    if column in PLACES and isinstance(value, str):
        return department(value)
    return VISITS.get(value, meaning(column, value)) if isinstance(value, str) else str(value)


def wants_json(request: Request) -> bool:
    """A `.json` address, or a caller who accepts JSON and not HTML."""
    accept = request.headers.get("accept", "")
    return request.scope["path"].endswith(".json") or ("application/json" in accept and "text/html" not in accept)


def respond(request: Request, template: str, data: Mapping[str, Any], status: int = 200) -> Response:
    """A page, or the same data as JSON."""
    if wants_json(request):
        body = json.dumps(dict(data), ensure_ascii=False, default=str)
        return Response(body, status, media_type="application/json")
    me = getattr(request.state, "person", None)
    html = written(template, data, language(request), request.scope["path"], me, rights(request), moment(now()))
    return HTMLResponse(html, status_code=status)


def written(
    template: str, data: Mapping[str, Any], spoken: str, here: str, me: Person | None, may: frozenset[str], printed: str
) -> str:
    """A page as HTML. here: its address; me, may: who asks and what he may do; printed: when, as its foot says."""
    page = environment(spoken).get_template(template)
    return upright(page.render(data=data, here=here, me=me, rights=may, printed=printed))


TURNS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of what follows: a name may not rewrite the line it stands in."""
_UPRIGHT = str.maketrans(dict.fromkeys(TURNS, "\ufffd"))


def upright(text: str) -> str:
    """The text with a mark where a character would turn its letters round."""
    return text.translate(_UPRIGHT) if any(c in text for c in TURNS) else text


def refuse(request: Request, message: str, status: int) -> Response:
    """What went wrong and what to do, in one sentence."""
    return respond(request, "message.html", {"title": "无法显示", "message": message}, status)


UNPUBLISHED = "还没有发布清单。请在服务器上运行 xiezhi week，然后刷新本页"
DAMAGED = "已发布的文件缺失或与发布时不一致，为免误导不予显示。请系统管理员重新运行 xiezhi week，或从备份恢复"
ABSENT = "没有这个页面，或不在您的片区"


def in_chinese(error: Exception) -> tuple[str, int]:
    """What a page says of an error, and the status: 503 where nothing was published or it is damaged, 409 for a step that may not be taken, else 404. The
    sentences of commands are English and name paths; a page says the same in Chinese, without them."""
    if isinstance(error, publish.Unpublished):
        return UNPUBLISHED, 503
    if isinstance(error, Damaged):
        return DAMAGED, 503
    if isinstance(error, exports.Unmade):
        return str(error), 503
    text = str(error)
    return text if HAN.search(text) else ABSENT, 409 if isinstance(error, Refused) else 404


def kind(handler: Callable[[Request], Response] | Page) -> Page:
    """Run a page (in a thread, unless it waits by itself) and turn a UserError into a message page (in_chinese)."""
    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def waiting(request: Request) -> Response:
            try:
                answer: Response = await handler(request)
                return answer
            except UserError as error:
                return refuse(request, *in_chinese(error))

        return waiting

    def made(request: Request) -> Response:
        try:
            return handler(request)  # type: ignore[return-value]
        except UserError as error:
            return refuse(request, *in_chinese(error))

    @functools.wraps(handler)
    async def page(request: Request) -> Response:
        if (failed := request.scope.get(FAILED)) is not None:
            raise failed
        return await run_in_threadpool(made, request)

    page.made = made  # type: ignore[attr-defined]
    return page


def maker(endpoint: Any) -> Callable[[Request], Response] | None:
    """How the page of a route is made in the thread one is in; None where it waits by itself."""
    return getattr(endpoint, "made", None)


def person(request: Request) -> Person:
    """Who asks; the gate has seen to it."""
    found: Person = request.state.person
    return found


def rights(request: Request) -> frozenset[str]:
    """What who asks may do; nothing where nobody is signed in."""
    found: frozenset[str] = getattr(request.state, "rights", frozenset())
    return found


def stamped(text: str) -> str:
    """A moment kept as text in UTC, as China reads it."""
    return moment(datetime.fromisoformat(text))


def moment(value: datetime | None) -> str:
    """A time of the desk (UTC) as China reads it; a dash where there is none."""
    return "—" if value is None else as_read(value).strftime("%Y-%m-%d %H:%M")

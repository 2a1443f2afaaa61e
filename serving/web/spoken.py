"""What an API refuses, in Chinese: one sentence for each field, without what the caller typed. BentoML's own words are English, and it keeps back the reason of a 503."""

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from serving.web.english import HAN
from serving.web.middleware import App, Message, Receive, Scope, Send

WRONG: Final = "请求内容有误"
SAID: Final[Mapping[int, str]] = {
    400: "请求内容有误，请对照 /docs.json",
    404: "没有这个地址，或没有您要的内容",
    405: "这个地址不接受这种操作",
    413: "请求内容过大",
    415: "请求须为 JSON",
    422: "请求内容有误，请对照 /docs.json",
    429: "服务正忙，请稍后再试",
    503: "服务暂时不能回答，请稍后再试",
    504: "没有在规定时间内算完，请稍后再试",
}
BROKEN: Final = "处理时出错，没有任何改动被保存；请重试，仍不行请告知系统管理员"
FIELDS: Final[Mapping[str, str]] = {
    "missing": "缺少此项",
    "json_invalid": "不是有效的 JSON",
    "string": "须为文本；编码请加引号，以免丢零",
    "string_too_long": "内容过长",
    "string_too_short": "不得为空",
    "too_short": "不得为空",
    "float": "须为数字，例如 12.50",
    "finite": "须为有限的数字",
    "int": "须为整数",
    "list": "须为列表",
    "too_long": "项数过多",
    "model": "须为对象",
    "dict": "须为对象",
    "bool": "须为是或否",
    "greater": "数值过小",
    "less": "数值过大",
}
_PLACE: Final = re.compile(r"line ([0-9]+) column ([0-9]+)")
#: What `refused` leaves for the answer on its way out.
_REASON: ContextVar[dict[str, str]] = ContextVar("reason")


def because(sentence: str, after: int | None = None) -> str:
    """Let the answer to this request say why, and after how many seconds to ask again; returns the sentence."""
    if (told := _REASON.get(None)) is not None:
        told["error"] = sentence
        if after is not None:
            told["after"] = str(after)
    return sentence


def sentence_of(kind: str, message: str) -> str:
    """What is wrong with a field, by pydantic's name for it; its message where that is one of ours."""
    if HAN.search(message):
        return message
    if at := _PLACE.search(message) if kind == "json_invalid" else None:
        return f"{FIELDS[kind]}（第{at[1]}行第{at[2]}个字符附近）"
    names = sorted((k for k in FIELDS if kind.startswith(k)), key=len)
    return FIELDS[names[-1]] if names else "取值不合要求"


def spoken(status: int, body: bytes, reason: str = "") -> dict[str, Any]:
    """The answer of an API that refuses: {"error": sentence} and, of a wrong body, {"fields": {"settlement.psn_no": sentence}}."""
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    told = told[0] if isinstance(told, list) and told else told
    told = told if isinstance(told, dict) else {}
    detail = told.get("detail")
    if isinstance(detail, list):
        fields = {
            ".".join(map(str, one.get("loc", ()))) or "body": sentence_of(str(one.get("type")), str(one.get("msg")))
            for one in detail
        }
        return {"error": f"{WRONG}：{len(fields)} 处", "fields": fields}
    said = reason or str(told.get("error", ""))
    return {"error": said if HAN.search(said) else SAID.get(status, BROKEN if status >= 500 else SAID[400])}


class Spoken:
    """ASGI middleware around the APIs: an answer of 400 and above is said again in Chinese."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        reason: dict[str, str] = {}
        _REASON.set(reason)
        start: Message | None = None
        body = b""

        async def said(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start = message
                return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            again = json.dumps(spoken(start["status"], body, reason.get("error", "")), ensure_ascii=False).encode()
            headers = [(k, v) for k, v in start["headers"] if k.lower() not in (b"content-length", b"content-type")]
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(again)).encode())]
            if "after" in reason:
                headers.append((b"retry-after", reason["after"].encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": again})

        await self.app(scope, receive, said)

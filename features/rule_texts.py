"""What an officer is told of a rule beside its SQL: the law proposed, what to ask, what clears it, where a threshold
comes from, the official names it covers.

Read once from law.toml, questions.toml, threshold_sources.toml, threshold_names.toml and library.toml. All of it is a
proposal; what no source backs says so.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from claims.errors import UserError
from features.thresholds import thresholds, tuned

GUESS = "本系统暂定值，无出处"
REGULATION = "《医疗保障基金使用监督管理条例》"
BYLAW = "条例实施细则（2026年4月1日起施行，条号未核，以正式文本为准）"
HOW = {"covered": "已覆盖", "partly": "部分", "no": "无法由结算数据判定"}


@dataclass(frozen=True)
class Law:
    """What is proposed of one scheme: the 三违 class in words, articles of the 条例, of graver intent, the deed as the
    实施细则 names it ("" = not named there), the band of 支付资格 points ("" = none)."""

    proposed: str
    articles: tuple[str, ...]
    graver: tuple[str, ...]
    bylaw: str
    points: str
    inferred: bool

    def lines(self) -> list[str]:
        """As it is printed, a line each."""
        said = [f"三违建议：{self.proposed}" + ("（归类为本系统理解）" if self.inferred else "")]
        said += [f"法规依据建议：{REGULATION}{a}" for a in self.articles]
        said += [f"以骗取基金为目的的：{REGULATION}{a}" for a in self.graver]
        if self.articles:
            said.append(f"{BYLAW}：{self.bylaw or '未见单列'}")
        if self.points:
            said.append(f"支付资格记分建议：相关责任人员每次 {self.points} 分（由认定环节决定）")
        return said


@dataclass(frozen=True)
class Official:
    """One name of the official rule library and what of it can be judged here: covered, partly or no."""

    seq: int
    tier: str
    name: str
    how: str
    rules: tuple[str, ...]
    note: str


@cache
def _file(name: str) -> Mapping[str, Any]:
    path = Path(__file__).with_name(name)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"features/{name} cannot be read: {error}; correct it or restore the file") from None


def law_of(scheme: str) -> Law:
    """What is proposed of a scheme T01–T32."""
    told = _file("law.toml")
    one, articles = told[scheme], told["articles"]
    return Law(
        told["classes"][one["class"]],
        tuple(articles[a] for a in one["law"]),
        tuple(articles[a] for a in one.get("graver", ())),
        one.get("rules", ""),
        one.get("points", ""),
        bool(one.get("inferred", False)),
    )


def questions(rule: str) -> tuple[str, str]:
    """(what to ask, what usually clears it) of a rule."""
    told = _file("questions.toml").get(rule, {})
    return str(told.get("ask", "")), str(told.get("clears", ""))


def source_of(rule: str, key: str) -> str:
    """Where a threshold of the shipped file comes from; GUESS where nothing says so."""
    return str(_file("threshold_sources.toml").get(rule, {}).get(key, GUESS))


def named(rule: str, key: str) -> str:
    """What a threshold is called where officers read it."""
    told = _file("threshold_names.toml")
    return str(told.get(rule, {}).get(key) or told["all"].get(key, key))


def guessed(rule: str) -> list[str]:
    """Thresholds of a rule that no source backs, neither the shipped file's nor the office's."""
    return [key for key in thresholds(rule) if source_of(rule, key) == GUESS and tuned(rule, key) is None]


@cache
def library() -> tuple[Official, ...]:
    """The official rule library in its order."""
    return tuple(
        Official(o["seq"], o["tier"], o["name"], o["how"], tuple(o["rules"]), o.get("note", ""))
        for o in _file("library.toml")["official"]
    )

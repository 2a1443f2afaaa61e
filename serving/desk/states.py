"""The states of a case and the steps between them, as data: who may take a step, and what it asks for.

No step leads from a score to an adverse state without two different persons: C00 is made by the list, C10 and C20 are left by
two reviewers, C60 by a third who signs; the columns `takes` names are filled with whoever takes the step and the database refuses equal ones.
Excluding asks for as much as confirming: one code, one note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from claims.schema.outcomes import OUTCOMES

STATES: Final[dict[str, str]] = {
    "C10": "待初审",
    "C20": "待复审",
    "C30": "待派查",
    "C40": "核查中",
    "C50": "告知申诉",
    "C60": "待认定",
    "C70": "处理中",
    "C80": "已归档",
    "C85": "待回头看",
    "C90": "已排除",
    "C91": "已并案",
    "C92": "暂缓",
    "C93": "复议诉讼",
}
OPEN: Final = ("C10", "C20", "C30", "C40", "C50", "C60", "C70", "C85", "C92", "C93")
CLOSED: Final = ("C80", "C90", "C91")
ADVERSE: Final = ("C70", "C80", "C85")

#: 三违 as the decision sets it.
CLASSES: Final = {"illegal": "违法", "irregular": "违规", "breach": "违约", "none": "无", "undetermined": "未定"}
DISPOSITIONS: Final[dict[str, str]] = {
    "WARN": "告诫", "TALK": "约谈", "RECTIFY": "限期整改", "DEDUCT": "核减", "REFUSE": "拒付", "RECOVER": "追回",
    "SUSPEND": "暂停协议", "SUSPEND_DEPT": "暂停责任部门", "TERMINATE": "解除协议", "DOCTOR_POINTS": "支付资格记分",
    "SUSPEND_PERSON": "暂停个人联网结算", "PENALTY": "行政处罚", "REFER_POLICE": "移送公安", "REFER_OTHER": "移送其他部门",
    "SELF_RETURN": "自查退回", "PUBLISH": "公开曝光", "CREDIT": "信用降级", "NONE": "不予处理",
}  # fmt: skip
#: Outcomes by which a case ends without a breach, and those that are no judgment: they close, and teach nobody.
CLEARING: Final = tuple(code for code, o in OUTCOMES.items() if o.klass == "refuted")
NO_JUDGMENT: Final = tuple(code for code, o in OUTCOMES.items() if o.klass == "missing")


@dataclass(frozen=True)
class Step:
    """One way from some states to another. right: who may; takes: the column of the case that keeps who did; asks: what must be
    given: note, outcome (one of `outcomes`), innocent, officers (two or more, none with a conflict), class, amount, orders, paper (one that is attached), review date,
    case, worth (may be left open)."""

    name: str
    zh: str
    source: tuple[str, ...]
    target: str
    right: str
    asks: tuple[str, ...] = ("note",)
    takes: str = ""
    outcomes: tuple[str, ...] = ()
    proposal: str = ""
    needs_proposal: str = ""


_STEPS: Final = (
    Step("report", "上报", ("C10",), "C20", "review1", ("note", "worth"), "first_reviewer", proposal="report"),
    Step("propose_exclude", "建议排除", ("C10",), "C20", "review1", ("note", "worth"), "first_reviewer", proposal="exclude"),
    Step("agree", "同意上报", ("C20",), "C30", "review2", takes="second_reviewer"),
    Step(
        "exclude", "同意排除", ("C20",), "C90", "review2", ("note", "outcome"), "second_reviewer",
        (*CLEARING, *NO_JUDGMENT), needs_proposal="exclude",
    ),
    Step("return", "退回初审", ("C20",), "C10", "review2"),
    Step("desk_case", "书面核查", ("C20",), "C50", "review2", takes="second_reviewer", needs_proposal="report"),
    Step("dispatch", "派查", ("C30",), "C40", "assign", ("officers",)),
    Step("found", "提交核查结论", ("C40",), "C50", "inspect", ("note", "outcome", "paper", "worth"), outcomes=tuple(OUTCOMES)),
    Step("again", "退回派查", ("C40",), "C30", "inspect"),
    Step("answer", "答复陈述申辩", ("C50",), "C60", "appeal", takes="appeal_by"),
    Step("look_again", "补充核查", ("C50", "C60"), "C40", "assign"),
    Step(
        "decide", "认定", ("C60",), "C70", "sign", ("note", "outcome", "class", "amount", "orders"), "signer",
        tuple(code for code, o in OUTCOMES.items() if o.klass in ("confirmed", "error")),
    ),
    Step("clear", "认定排除", ("C60",), "C90", "sign", ("note", "outcome"), "signer", (*CLEARING, *NO_JUDGMENT)),
    Step("file", "归档", ("C70",), "C80", "assign"),
    Step("look_back", "列入回头看", ("C80",), "C85", "assign"),
    Step("visit_back", "回头看核查", ("C85",), "C40", "assign", ("officers",)),
    Step("merge", "并案", ("C10", "C20", "C30", "C40"), "C91", "assign", ("note", "case")),
    Step("court", "复议诉讼", ("C70", "C80"), "C93", "legal"),
    Step("upheld", "维持原认定", ("C93",), "C70", "legal"),
    Step(
        "overturned", "撤销原认定", ("C93",), "C90", "legal", ("note", "outcome"), outcomes=(*CLEARING, *NO_JUDGMENT)
    ),
    Step("hold", "暂缓", tuple(s for s in OPEN if s not in ("C92", "C93")), "C92", "assign", ("note", "until")),
    Step("resume", "恢复", ("C92",), "", "assign", ()),
)  # fmt: skip
STEPS: Final[dict[str, Step]] = {step.name: step for step in _STEPS}


def steps_from(state: str, rights: frozenset[str], proposal: str | None = None) -> list[Step]:
    """What somebody with these rights may do in a state, in the order of the table."""
    return [
        step
        for step in STEPS.values()
        if state in step.source and step.right in rights and step.needs_proposal in ("", proposal)
    ]

"""Who may do what: roles, each a set of rights; a page or an act names the right it needs.

An office of five gives one person several roles; that two different persons act on one case is held by the case itself
(serving/desk/schema.py), whoever has which role. 三员分立: the three administrators have no right in any case.
"""

from __future__ import annotations

from typing import Final

RIGHTS: Final[dict[str, str]] = {
    "lists": "看清单、疑点与证据（打码）",
    "score": "看分数与贡献",
    "reveal": "说明理由后看全号",
    "diagnosis": "派查前看敏感诊断",
    "export": "下载清单与证据",
    "review1": "初审",
    "review2": "复审",
    "assign": "派查、并案、暂缓",
    "plan": "看检查计划",
    "inspect": "核查、记录、上传",
    "appeal": "答复申诉",
    "sign": "审签认定",
    "board": "登记案审会",
    "finance": "登记追回",
    "legal": "法制审核、复议诉讼",
    "model": "训练、评估、看模型",
    "activate": "批准与回退模型",
    "people": "管理人员",
    "policy": "拟定期限与口径",
    "approve": "批准期限与口径",
    "log": "看全部日志",
    "check": "结算窗口核查",
}

ROLES: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "reviewer1": ("初审员", frozenset({"lists", "review1", "export"})),
    "reviewer2": ("复审员", frozenset({"lists", "score", "review2", "appeal", "export"})),
    "inspector": ("稽核员", frozenset({"lists", "inspect", "plan", "reveal", "export"})),
    "leader": (
        "科长/飞检组长",
        frozenset(
            {"lists", "score", "assign", "plan", "sign", "appeal", "export", "reveal", "diagnosis", "board", "approve"}
        ),
    ),
    "finance": ("基金财务", frozenset({"lists", "finance"})),
    "committee": ("案审会成员", frozenset({"lists", "board"})),
    "legal": ("法制审核", frozenset({"lists", "legal", "appeal", "board"})),
    "scientist": ("建模员", frozenset({"score", "model"})),
    "approver": ("模型审批", frozenset({"model", "activate", "lists", "score"})),
    "sysadmin": ("系统管理员", frozenset({"people"})),
    "secadmin": ("安全管理员", frozenset({"policy", "approve"})),
    "auditor": ("审计管理员", frozenset({"log"})),
    "counter": ("结算窗口", frozenset({"check"})),
}

PRESETS: Final[dict[str, tuple[str, ...]]] = {
    "officer": ("reviewer1", "inspector"),
    "reviewer": ("reviewer2",),
    "chief": ("leader", "finance"),
    "scientist": ("scientist",),
    "admin": ("sysadmin",),
    "security": ("secadmin",),
    "audit": ("auditor",),
}
"""A small office: seven people, or fewer who each take several."""

BUSINESS: Final = frozenset({"review1", "review2", "assign", "inspect", "appeal", "sign", "finance", "legal", "board"})
ADMINISTRATORS: Final = frozenset({"sysadmin", "secadmin", "auditor"})


def rights_of(roles: frozenset[str]) -> frozenset[str]:
    """All rights of a set of roles."""
    return frozenset().union(*(ROLES[r][1] for r in roles)) if roles else frozenset()


def clash(roles: frozenset[str]) -> str:
    """Why these roles may not be one person's, in one sentence; '' if they may."""
    unknown = sorted(roles - set(ROLES))
    if unknown:
        return f"there is no role {', '.join(unknown)}; there are {', '.join(ROLES)}"
    if len(roles & ADMINISTRATORS) > 1:
        return "系统、安全、审计管理员须由三人分任（三员分立）"
    if roles & ADMINISTRATORS and roles - ADMINISTRATORS:
        return "管理员不得兼任业务岗位（三员分立）"
    if {"scientist", "approver"} <= roles:
        return "建模员不得审批模型"
    return ""

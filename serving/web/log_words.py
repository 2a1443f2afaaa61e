"""What the log calls an act and its particulars, in the words of the page of the log; the log itself and its export keep the names."""

import json
from typing import Any, Final

from inspection.bedsheet import RESULTS
from serving.desk.limits import LIMITS
from serving.desk.reviews import DECISIONS
from serving.desk.roles import ROLES
from serving.desk.states import DISPOSITIONS, STATES, STEPS
from serving.desk.ticks import FOUND

ACTS: Final[dict[str, str]] = {
    "account.add": "建立账号", "account.close": "停用账号", "account.invite": "重新邀请", "account.open": "启用账号", "account.password": "设置密码",
    "account.roles": "变更岗位", "account.second-factor": "启用动态码", "sign-in": "登录", "sign-in.refused": "登录被拒", "sign-out": "退出",
    "token.new": "新建令牌", "token.end": "作废令牌", "read": "查看", "read.list": "查看清单", "export": "下载", "notice": "下载稽核通知", "brief": "下载检查前简报",
    "find": "查找", "check": "结算窗口核查", "feedback": "交回工作簿", "log.export": "导出日志", "reveal": "查看全号或敏感诊断",
    "run.open": "名单立案", "case.take": "领取", "case.release": "放回", "case.note": "记说明", "case.link": "关联案件", "case.appeal": "陈述申辩",
    "case.reply": "答复申辩", "case.blind": "盲法复核", "case.legal": "法制审核", "case.hear": "送交法制审核或案审会", "case.board": "案审会", "case.done": "办结处理", "case.recovered": "登记追回",
    "case.ask.extend": "申请延期", "case.ask.reopen": "申请重新办理", "case.grant.extend": "批复延期", "case.grant.reopen": "批复重新办理", "file.add": "上传附件", "file.read": "下载附件",
    "bed.stored": "查床", "bed.confirmed": "查床确认", "bed.changed": "查床更正", "bed.withdrawn": "查床撤回", "tick.stored": "现场任务", "tick.confirmed": "现场任务确认",
    "tick.changed": "现场任务更正", "limit.propose": "提出改期限", "limit.answer": "批复改期限", "plan.change": "调整计划", "conflict.declare": "申报回避", "conflict.lift": "解除回避", "sent.upload": "上传下发清单", "sent.drop": "丢弃上传的清单", "sent.import": "接收下发疑点",
    "sent.case": "下发疑点立案", "sent.answer": "答复下发疑点", "sent.return": "反馈下发疑点", "desk.backup": "备份", "desk.restore": "恢复",
} | {f"case.{name}": step.zh for name, step in STEPS.items()}  # fmt: skip

PARTICULARS: Final[dict[str, str]] = {
    "accepted": "采纳", "agreed": "多数同意", "answered": "已答复", "area": "片区", "base": "基准", "by": "方式", "cases": "案件", "checked_at": "核查时间",
    "day": "星期", "days": "天数", "decision": "意见", "done": "记录", "fen": "金额", "field": "内容", "file": "附件号", "found": "结果", "from": "由", "granted": "批准",
    "ground": "理由号", "handle": "令牌", "head": "链首", "hits": "命中", "kind": "种类", "late": "逾期", "lead": "序号", "lines": "行数", "locked": "已锁定", "members": "出席人数",
    "never": "本周不去", "new": "新案", "passed": "通过", "reason": "理由", "result": "结果", "roles": "岗位", "row": "行号", "rows": "行数", "run": "批次", "scope": "范围",
    "sha256": "散列", "site": "机构", "size": "字节", "task": "任务", "team": "检查组", "to": "到", "unit": "机构", "verdict": "答复", "waived": "无异议", "way": "核查方式", "with": "另一案件",
}  # fmt: skip
"""Keys of what a log row adds to its act."""
_CODES: Final[dict[str, str]] = {
    **STATES,
    **{code: zh for zh, code in RESULTS.items()}, **{role: zh for role, (zh, _) in ROLES.items()},
    **DECISIONS, **DISPOSITIONS, **FOUND,
    "stored": "待第二人确认", "confirmed": "两人确认", "changed": "更正", "withdrawn": "撤回", "oidc": "本单位统一登录", "no": "不属实", "unsure": "存疑",
    "quick": "快速", "full": "完整",
}  # fmt: skip
_DAYS: Final = "一二三四五六日"


def particulars(detail: str) -> str:
    """What a row adds to its act, in words; keys and codes that have none stay as they are."""
    told: dict[str, Any] = json.loads(detail)
    return "；".join(f"{PARTICULARS.get(k, k)} {_value(k, v)}" for k, v in told.items() if v not in ("", [], None))


def about(what: str) -> str:
    """What a row is about: the name of a limit, else as it is."""
    return LIMITS[what].zh if what in LIMITS else what


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        return "、".join(_value(key, one) for one in value)
    match key:
        case "fen":
            return f"{value / 100:,.2f} 元"
        case "day":
            return f"周{_DAYS[value]}" if value in range(7) else "不限"
        case "base" | "sha256" | "head":
            return f"{str(value)[:16]}…"
        case _:
            return _CODES.get(str(value), str(value))


def done(act: str) -> str:
    """An act in words; its name where there are none."""
    return ACTS.get(act, act)

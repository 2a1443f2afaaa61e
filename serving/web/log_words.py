"""What the log calls an act, in the words of the page of the log; the log itself and its export keep the names."""

from typing import Final

from serving.desk.states import STEPS

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


def done(act: str) -> str:
    """An act in words; its name where there are none."""
    return ACTS.get(act, act)

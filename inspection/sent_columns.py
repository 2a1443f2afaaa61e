"""Which column of a list sent down from above is what: proposed from the header by the dictionary of `claims/drafting`, corrected by whose numbers the cells hold.

A column that is not sure is proposed and not used, until somebody says so (`--column TITLE=FIELD`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from claims.drafting.evidence import SURNAMED, named
from claims.drafting.matching import LEAST, SURE
from claims.errors import UserError
from claims.schema.table import Column
from claims.schema.tables import CANONICAL
from inspection.workbooks import Cells, Listed


def _of(table: str, name: str, *more: str) -> Column:
    """A column of the schema with what such lists call it besides."""
    found = CANONICAL[table][name]
    return replace(found, aliases=(*found.aliases, *more))


def _own(name: str, zh: str, kind: str, *aliases: str) -> Column:
    return Column(name, zh, kind, aliases=aliases)  # type: ignore[arg-type]


FIELDS: Final[tuple[Column, ...]] = (
    _own("number", "疑点编号", "text", "疑点序号", "疑点号", "疑点ID", "线索编号", "线索号", "线索序号", "问题编号", "任务编号", "疑点流水号"),
    _own("serial", "序号", "text", "序", "行号", "编号"),
    _own("area", "统筹区", "text", "统筹地区", "统筹区划", "医保区划", "参保地", "地区", "市县", "县区", "区县"),
    _of("institutions", "fixmedins_code", "医疗机构编码", "医疗机构代码", "机构代码", "医药机构编码", "医药机构代码", "定点医疗机构编码", "定点医药机构编码", "定点机构代码"),
    _of("institutions", "fixmedins_name", "医疗机构名称", "医药机构名称", "定点机构名称", "定点医疗机构名称", "机构", "医疗机构", "定点医药机构", "定点机构", "被检查机构", "单位名称"),
    _of("settlements", "setl_id", "结算号", "结算编号", "结算流水号", "结算单据号", "费用结算ID", "单据号", "结算序号"),
    _of("settlements", "mdtrt_id", "就诊流水号", "就医登记号", "就诊登记号", "住院流水号", "门诊流水号", "就诊序号", "就医流水号"),
    _of("visits", "ipt_no", "病案号", "住院号码", "门诊号", "住院门诊号"),
    _of("settlements", "psn_no", "参保人编号", "参保人员编号", "医保编号", "医保号", "个人医保号", "参保人ID", "个人编码"),
    _of("persons", "certno", "身份证", "证件号", "公民身份证号", "公民身份证号码", "参保人身份证号", "患者身份证号", "证件编号"),
    _own("psn_name", "姓名", "text", *SURNAMED, "参保人员姓名", "参保人"),
    _of("fee_details", "med_list_codg", "医保项目编码", "药品编码", "医保药品编码", "国家医保编码", "收费项目编码", "项目代码"),
    _own("item", "项目名称", "text", "项目", "药品名称", "收费项目", "收费项目名称", "医保项目名称", "目录名称", "违规项目", "药品", "诊疗项目", "涉及项目"),
    _of("fee_details", "cnt", "使用数量", "涉及数量", "疑点数量", "违规数量"),
    _own("amount", "疑点金额", "money", "涉及金额", "金额", "明细金额", "涉嫌违规金额", "疑似违规金额", "涉嫌金额", "疑似金额", "涉疑金额", "可疑金额", "疑点涉及金额", "项目金额", "费用金额", "金额合计"),
    _of("settlements", "medfee_sumamt", "总费用", "医疗总费用", "费用总额", "结算金额", "医疗费用总额", "总金额"),
    _of("settlements", "fund_pay_sumamt", "基金支付", "统筹基金支付", "医保支付金额", "基金支付金额", "涉及基金", "涉及基金金额", "统筹金额", "医保基金支付", "基金金额"),
    _own("kind", "疑点类型", "text", "规则", "规则名称", "疑点规则", "违规类型", "问题类型", "疑点名称", "模型名称", "疑点类别", "违规行为", "线索类型", "涉嫌违规行为", "审核规则", "问题分类", "违规类别"),
    _own("told", "疑点描述", "text", "疑点说明", "疑点内容", "问题描述", "线索描述", "违规描述", "疑点详情", "线索内容"),
    _of("settlements", "setl_time", "结算日期", "费用结算时间", "结算日"),
    _of("settlements", "begntime", "入院日期", "就诊日期", "就医时间", "入院时间", "住院开始日期"),
    _of("settlements", "endtime", "出院日期", "出院时间", "住院结束日期"),
    _of("fee_details", "fee_ocur_time", "费用发生日期", "发生时间", "收费日期", "记账时间"),
    _own("note", "备注", "text", "说明", "其他说明"),
    _own("situation", "核查情况", "text", "核查说明", "核实情况", "核查情况说明", "情况说明", "核查结果说明", "核查过程", "核查反馈", "反馈情况", "核查意见"),
    _own("true", "是否属实", "text", "属实情况", "核查结论", "核查结果", "是否违规", "是否存在问题", "核实结果", "认定结果"),
    _own("wrong", "违规金额", "money", "查实金额", "认定金额", "确认金额", "核实违规金额", "查实违规金额", "确认违规金额", "属实金额", "违规金额元"),
    _own("recovered", "追回金额", "money", "已追回金额", "退回金额", "追回基金", "已退回金额", "追回基金金额", "追缴金额"),
    _own("disposition", "处理结果", "text", "处理情况", "处理意见", "处置结果", "处置情况", "处理措施", "处理方式", "整改情况"),
)  # fmt: skip
BY_NAME: Final = {c.name: c for c in FIELDS}
RESULTS: Final = ("situation", "true", "wrong", "recovered", "disposition")
"""What the list asks back: columns that come empty and leave filled."""
FILLED: Final = 0.1
"""A result column with more of its cells filled than this is no blank to fill: it tells of the suspicion (违规金额 of a list that names the suspected amount so)."""
INSTEAD: Final = {"wrong": "amount", "situation": "told", "true": "note", "disposition": "note", "recovered": "note"}


@dataclass(frozen=True)
class Choice:
    """One column: which field it is taken for, how sure (0–1), why, and whether it is used."""

    at: int
    title: str
    field: str
    sure: float
    why: str
    used: bool


@cache
def alike(title: str) -> tuple[float, ...]:
    """How much a title looks like each field, in the order of FIELDS."""
    return tuple(named(title, c)[0] if title else 0.0 for c in FIELDS)


def says(titles: Sequence[str]) -> float:
    """How much a row of titles tells of such a list: the sum over the fields it names surely."""
    if not titles:
        return 0.0
    each = np.array([alike(t) for t in titles])
    return float(sum(m for m in each.max(axis=0) if m >= SURE))


def propose(table: Listed, given: Mapping[str, str] | None = None) -> list[Choice]:
    """A choice for each titled column, each field once. given: title → field, as a person said ('' = leave the column alone). UserError for a title or field that is not there."""
    told = dict(given or {})
    for title, meant in told.items():
        if title not in table.titles:
            raise UserError(
                f"--column {title}={meant}：“{table.sheet}”页没有“{title}”列；有 {'、'.join(filter(None, table.titles))}"
            )
        if meant and meant not in BY_NAME:
            raise UserError(
                f"--column {title}={meant}：没有字段 {meant}；有 {'、'.join(f'{c.name}（{c.zh}）' for c in FIELDS)}"
            )
    score = np.array([alike(t) for t in table.titles]).reshape(len(table.titles), len(FIELDS))
    whys = {}
    for i, title in enumerate(table.titles):
        for j, field in enumerate(FIELDS):
            if title in told:
                score[i, j] = 1.0 if told[title] == field.name else 0.0
            elif field.name in RESULTS and score[i, j] >= LEAST and _filled(table.rows, i) > FILLED:
                other = FIELDS.index(BY_NAME[INSTEAD[field.name]])
                if score[i, j] > score[i, other]:
                    score[i, other] = score[i, j] - 0.02
                    whys[i, other] = "已有内容，按来文的内容看"
                score[i, j] = 0.0
    rows, columns = linear_sum_assignment(np.where(score >= LEAST, score, 0.0), maximize=True)
    found = []
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        sure = float(score[i, j])
        if sure < LEAST or not table.titles[i]:
            continue
        title = table.titles[i]
        why = "指定" if title in told else whys.get((i, j), "表头" if sure >= 0.9 else f"表头近似“{FIELDS[j].zh}”")
        found.append(Choice(i, title, FIELDS[j].name, round(sure, 2), why, sure >= SURE))
    return sorted(found, key=lambda c: c.at)


def _filled(rows: Iterable[Cells], column: int) -> float:
    cells = [r[column] for r in rows]
    return sum(c is not None for c in cells) / len(cells) if cells else 0.0


def by_values(
    choices: Sequence[Choice], held: Mapping[int, Mapping[str, float]], titles: Sequence[str]
) -> list[Choice]:
    """The choices after a look at whose numbers the cells hold: `held` gives, by column, the share of its cells that are numbers of each kind the warehouse knows.

    A column most of whose cells are settlements of ours is the settlement's, whatever it is called; what a person said stays.
    """
    best = {i: max(shares.items(), key=lambda s: s[1]) for i, shares in held.items() if shares}
    proven = {i: (field, share) for i, (field, share) in best.items() if share >= 0.5}
    fixed = {c.at for c in choices if c.why == "指定"}
    moved = {i: f for i, f in proven.items() if i not in fixed}
    taken = {f for _, (f, _) in moved.items()} | {c.field for c in choices if c.at in fixed}
    out = [
        c
        for c in choices
        if c.at not in moved and (c.at in fixed or c.field not in taken or _own_share(held, c) >= 0.5)
    ]
    done: set[str] = {c.field for c in out}
    for i, (field, share) in sorted(moved.items(), key=lambda m: -m[1][1]):
        if field in done:
            continue
        done.add(field)
        earlier = next((c for c in choices if c.at == i), None)
        why = f"{share:.0%} 的单元格是本库的{BY_NAME[field].zh}"
        if earlier is not None and earlier.field != field:
            why += f"（表头像“{BY_NAME[earlier.field].zh}”）"
        out.append(
            Choice(
                i, titles[i], field, max(0.9, earlier.sure if earlier and earlier.field == field else 0.9), why, True
            )
        )
    return sorted(out, key=lambda c: c.at)


def _own_share(held: Mapping[int, Mapping[str, float]], choice: Choice) -> float:
    return held.get(choice.at, {}).get(choice.field, 0.0)

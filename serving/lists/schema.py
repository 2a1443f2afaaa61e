"""The shape of a list and of the row on it (docs/design.md §7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd

from claims.schema.code_tables import OF_COLUMN
from features.grains import GRAINS, spec_of
from serving.lists.plain import plain

DISCLAIMER = "疑点线索，非违规结论"

#: What an entity is called on lists and pages.
NAMES: dict[str, str] = {str(name): spec.on_lists for name, spec in GRAINS.items()}

#: Column order of every list that leaves as CSV. Others script against it: append, never reorder.
COLUMNS: tuple[str, ...] = (
    "rank",
    "grain",
    "as_of",
    "entity_id",
    "risk",
    "amount_at_risk_yuan",
    "scheme",
    "slot",
    "reason_1",
    "reason_2",
    "reason_3",
    "probability",
    "amount_low_yuan",
    "amount_high_yuan",
    "innocent",
    "area",
    "fixmedins_code",
    "psn_no",
    "evidence_rows",
    "model",
    "returning",
    "probability_low",
    "probability_high",
    "stratum",
    "scheme_2",
)
#: Kept beside the row, in JSON only: where it stands on the unmarked sheet, and with which probability it came to be listed.
EXTRA: tuple[str, ...] = (
    "lead", "selection_prob", "scheme_share", "label", "begin_at", "end_at", "open",
    "certain_yuan", "check_yuan", "estimate_yuan", "amount_basis", "amount_period", "amount_note", "unit_name", "who", "seen",
    "rule_yuan",
)  # fmt: skip

#: Columns of a list in yuan, and the evidence sheet's.
MONEY: tuple[str, ...] = ("amount_low_yuan", "amount_at_risk_yuan", "amount_high_yuan")
ROW_MONEY = "计入本项（元）"

#: What the tables that rows of evidence come from are called.
TABLES: dict[str, str] = {
    "settlements": "结算",
    "fee_details": "费用明细",
    "visits": "就诊登记",
    "discharges": "出院",
    "stays": "住院",
    "refunds": "退费",
}
#: Codes of our own that stand in evidence, by column.
_OWN_CODES: dict[tuple[str, str], str] = {
    ("stas", "normal"): "正常",
    ("stas", "suspended"): "暂停",
    ("stas", "terminated"): "解除",
    ("stas", "absent"): "无有效协议",
    ("dscg_way", "1"): "医嘱离院",
    ("dscg_way", "2"): "医嘱转院",
    ("dscg_way", "3"): "医嘱转社区",
    ("dscg_way", "4"): "非医嘱离院",
    ("dscg_way", "5"): "死亡",
    ("dscg_way", "9"): "其他",
    ("kind", "diagnosis"): "诊断",
    ("kind", "operation"): "手术",
    ("what", "h"): "计时项目",
    ("what", "01"): "床位费",
    ("what", "07"): "护理费",
}

BEDS = "bedsheet.json"
"""The evening's sheet of a run (serving/lists/bedsheet.py)."""
SLOTS: tuple[str, ...] = ("ranked", "draw", "control")

#: Chinese headers, in the order of the workbook's first sheet, and what each column means.
HEADERS: dict[str, tuple[str, str]] = {
    "lead": ("序号", "名单上的序号；随机抽取与对照行混排其中，不作标记"),
    "entity_id": (
        "对象编号",
        "住院为就诊号 mdtrt_id，人员为 psn_no（清单页打码，证据明细页为全号），机构为定点编码，医师为医师代码",
    ),
    "label": ("对象", "对象说明"),
    "area": ("片区", "参保地或机构所在区划"),
    "fixmedins_code": ("机构编码", "最相关的定点机构"),
    "psn_no": ("人员编号", "打码显示"),
    "scheme": ("疑点类型", "由贡献最大的一组特征推出，供稽核参考；因某次住院而列入的人员，取该次住院的疑点类型"),
    "scheme_2": ("另一可能类型", "证据占比居次的疑点类型"),
    "reason_1": ("理由一", "贡献最大、且差于同类的特征，数字可由证据明细逐行复算"),
    "reason_2": ("理由二", "同上"),
    "reason_3": ("理由三", "同上"),
    "amount_low_yuan": ("疑点金额下限（元）", "区间下限，不低于明确可追"),
    "amount_at_risk_yuan": (
        "疑点金额（元）",
        "明确可追、需核实、推算三部分之和；同一明细、同一结算只计一次，不超过所列记录上基金和账户实付；不是认定金额，也不是节约额",
    ),
    "amount_high_yuan": ("疑点金额上限（元）", "区间上限"),
    "certain_yuan": ("其中明确可追（元）", "明确违规规则所涉记录的金额"),
    "check_yuan": ("其中需核实（元）", "线索类规则所涉记录在明确可追之外的金额"),
    "estimate_yuan": ("其中推算（元）", "按以往查实比例推算的其余部分；结论不足或区间过宽时不作推算"),
    "amount_basis": ("资金", "金额出自统筹基金还是个人账户"),
    "amount_period": ("金额所涉期间", "计入金额的记录从何日至何日"),
    "amount_note": ("金额说明", "其余部分是否有待核查"),
    "innocent": ("可能的合理解释", "同样数字的正常情形，核查时请先排除"),
    "returning": ("复现", "此前已有的结论（日期、结论、编号）；检查期之后又有新情况，本行只计新情况"),
    "evidence_rows": ("证据行数", "三条理由所依据的结算、明细等记录数"),
}


@dataclass(frozen=True)
class Note:
    """One remark on the data behind a list: what is missing or odd, and how many rows it touches."""

    text: str
    severity: str = "info"
    rows: int | None = None


@dataclass(frozen=True)
class WorkList:
    """A list of leads about one grain at one moment.

    `rows` has COLUMNS and EXTRA, one row per entity, sorted by rank. `explained` are candidates that an innocent explanation covers
    (rings above all): entity_id, label, members, innocent; they are shown, not ranked. `facts` says how the list came about:
    population, sizes of the slots, seed, window, model, amount of money. `claim_rows(entity_id)` gives the rows for the workbook.
    """

    grain: str
    as_of: date
    rows: pd.DataFrame
    explained: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: tuple[Note, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    claim_rows: Callable[[str], pd.DataFrame] | None = field(default=None, compare=False)

    def columns(self) -> list[str]:
        """The columns of this list as CSV: those of the contract, for a ring also `members`, before what was appended after it."""
        if not spec_of(self.grain).group:
            return list(COLUMNS)
        place = COLUMNS.index("returning")
        return [*COLUMNS[:place], "members", *COLUMNS[place:]]


def meaning(column: str, code: str) -> str:
    """A code by its official meaning, by the code table of the column it stands in; any other text as it is."""
    table = OF_COLUMN.get(column)
    known = {c.code: c.zh for c in table.codes} if table else {}
    return known.get(code, _OWN_CODES.get((column, code), code))


def check_grain(grain: str) -> None:
    """Raises UserError unless `grain` is one of the five."""
    spec_of(grain)


def hits(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are the evidence proper: those marked `hit`, or all where nothing is marked."""
    if "hit" not in frame.columns:
        return frame
    marked = frame[frame["hit"].fillna(False).astype(bool)]
    return marked if len(marked) else frame


def claim_table(found: Sequence[pd.DataFrame | None]) -> pd.DataFrame:
    """The claim rows of one suspect for the workbook: which reason, which row, when, how much. found: of each reason the rows it rests on."""
    frames = []
    for i, frame in enumerate(found, start=1):
        if frame is None or not len(frame):
            continue
        frame = hits(frame)
        frames.append(
            pd.DataFrame(
                {
                    "理由": f"理由{i}",
                    "数据表": frame["row_table"].map(lambda t: TABLES.get(t, t)).to_numpy(),
                    "记录号": frame["row_id"].astype(str).to_numpy(),
                    "发生时间": [plain(t) for t in frame["happened_at"]],
                    ROW_MONEY: (frame["fen"].astype("float64") / 100).round(2).to_numpy()
                    if "fen" in frame
                    else float("nan"),
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def yuan(fen: Any) -> float:
    """Fen as yuan, two decimals; missing is 0."""
    return 0.0 if fen is None or pd.isna(fen) else round(float(fen) / 100, 2)

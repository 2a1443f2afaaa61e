"""What stands behind billed lines and what does not: order, execution, report. A gap is a paper to ask for, not a proof.

Claims carry the number of an order or prescription and who carried it out, where a bureau takes them in at all; reports and notes they never carry.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

import pandas as pd

ORDER: Final = ("drord_no", "rxno")
DONE: Final = ("orders_dr_code", "acord_dept_codg")
#: Kind of charge → the papers by which one sees that it took place.
PAPERS: Final[dict[str, str]] = {
    "01": "体温单、护理记录（夜间是否在床）",
    "02": "病程记录、查房记录",
    "03": "检查报告与影像、登记簿",
    "04": "检验报告、标本登记",
    "05": "治疗单、执行签名",
    "06": "手术记录、麻醉记录",
    "07": "护理记录单",
    "08": "耗材条码、植入登记、出入库",
    "09": "处方、发药签收、进销存",
    "10": "处方、发药签收、进销存",
    "11": "处方、发药签收、进销存",
}
SWIPED: Final = "购药小票、监控与签名、实名核验记录"
STAYED: Final = "住院病历首页、医嘱单、护理记录、请假审批"


def chain_of(proper: pd.DataFrame, delivered: Collection[str]) -> dict[str, Any]:
    """Of the rows of one reason: how many are lines, how many of these name an order and who carried it out (None = the
    claims have no such column), and the papers to ask for."""
    lines = proper[proper["row_table"] == "fee_details"]
    charges = Counter(lines["record_charge"].dropna().astype(str)) if "record_charge" in lines else Counter()
    papers = [PAPERS[c] for c, _ in charges.most_common() if c in PAPERS]
    if (proper["row_table"] == "settlements").any():
        papers.append(SWIPED)
    if (proper["row_table"] == "visits").any():
        papers.append(STAYED)
    return {
        "lines": len(lines),
        "ordered": _marked(lines, "record_ordered", ORDER, delivered),
        "done": _marked(lines, "record_done", DONE, delivered),
        "papers": list(dict.fromkeys(papers))[:4],
    }


def _marked(lines: pd.DataFrame, column: str, needs: Collection[str], delivered: Collection[str]) -> int | None:
    if column not in lines or not set(needs) & set(delivered):
        return None
    return int(lines[column].fillna(False).astype(bool).sum())

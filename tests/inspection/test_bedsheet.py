"""The sheet lies in walking order and asks about the patient alone; what comes back is counted, strangers are told of."""

from datetime import datetime

import pandas as pd

from inspection.bedsheet import COLUMNS, bed_sheet, in_order, walking
from inspection.morning import between, morning
from inspection.sheet_file import as_workbook
from inspection.tables import read_bytes

AT = datetime(2026, 9, 27, 20)


def listed() -> pd.DataFrame:
    return pd.DataFrame(
        {"entity_id": [f"M{i}" for i in range(5)], "slot": ["ranked"] * 4 + ["draw"], "psn_no": [f"12345678{i}012" for i in range(5)],
         "reason_1": ["本院床日超核定床位", "住院期间院外刷卡3次", "", "医师名下多例同日入院", "长期住院"], "reason_2": ["本次住院无医嘱", "", "", "", ""], "reason_3": "",
         "keys": [[("institution", "a", "H1"), ("admission", "b", "M0")], [("person", "c", "P1")], [], [("doctor", "d", "D1")], [("admission", "e", "M4")]]}
    )  # fmt: skip


def where() -> pd.DataFrame:
    return pd.DataFrame(
        {"mdtrt_id": [f"M{i}" for i in range(5)], "hospital": ["乙院", "甲院", "甲院", "甲院", "乙院"], "ward": ["一", "二", "一", "一", "一"], "bed": ["3", "1", "10", "2", "2A"],
         "psn_no": [f"12345678{i}012" for i in range(5)], "gend": ["1", "2", "1", "2", None], "age": [70, 61, None, 44, 35], "dx": "肺炎", "adm_date": pd.Timestamp("2026-09-20")}
    )  # fmt: skip


def test_walking_order_and_only_questions_about_the_patient() -> None:
    sheet = bed_sheet(in_order(listed(), where(), AT))
    assert list(sheet.columns) == COLUMNS
    assert sheet["就诊号"].tolist() == ["M3", "M2", "M1", "M4", "M0"]
    asked = sheet.set_index("就诊号")["询问要点"]
    assert asked["M0"] == "本次住院无医嘱"
    assert asked["M3"] == "核对本人、病情与治疗"
    assert "slot" not in sheet.columns
    assert not sheet.astype(str).apply(lambda c: c.str.contains("123456780012")).any().any(), "numbers are masked"
    assert sheet["在院天数"].eq(7).all()
    assert sorted(["10", "2", "2A"], key=walking) == ["2", "2A", "10"]


def test_the_morning_after_counts_and_tells_what_it_left_out() -> None:
    back = pd.DataFrame(
        {
            "就诊号": ["M0", "M1", "M2", "M4", "X9", "M3"],
            "结果": ["不在", "在床", "无法核查", "请假有据", "不在", "睡觉"],
        }
    )
    said = morning(listed(), back)
    assert (said.ranked, said.drawn, said.missing) == ((1, 2), (0, 1), 1)
    assert [text[:6] for text in said.refused] == ["就诊号 X9", "就诊号 M3"]
    assert "样本不足" in said.text
    assert morning(listed(), back.assign(结果="")).missing == 5


def test_what_the_list_promised_is_held_against_what_was_found() -> None:
    promised = listed().assign(risk=[0.9, 0.8, 0.1, 0.1, 0.5], unit=["乙院", "甲院", "甲院", "甲院", "乙院"])
    back = pd.DataFrame({"就诊号": ["M0", "M1", "M2", "M4"], "结果": ["在床", "在床", "在床", "不在"]})
    told = {(p.unit, p.kind): p for p in morning(promised, back).promises}
    mine = told["全部", "按名次"]
    assert (mine.listed, mine.seen, mine.found, round(mine.promised, 6)) == (4, 3, 0, 1.8)
    assert (mine.low, mine.high, mine.said()) == (1, 3, "少于名单所示")
    assert told["甲院", "按名次"].said() == "在名单所示之内"
    assert told["乙院", "随机"].found == 1
    assert mine.rate.note == "样本不足：有结果的只有 3 床"


def test_the_interval_of_a_promise_is_exact() -> None:
    assert between([]) == (0, 0)
    assert between([0.0, 1.0, 1.0]) == (2, 2)
    low, high = between([0.5] * 20)
    assert (low, high) == (6, 14), "binomial of 20 at a half"


def test_the_workbook_to_fill_comes_back_as_text() -> None:
    sheet = bed_sheet(in_order(listed(), where(), AT)).astype(str)
    sheet.loc[0, "询问要点"] = "=1+1"
    back = read_bytes(as_workbook(sheet, "2026-09-27 20:00"), ["就诊号", "结果"]).fillna("")
    assert back["就诊号"].tolist() == sheet["就诊号"].tolist()
    assert back.loc[0, "询问要点"] == "=1+1"

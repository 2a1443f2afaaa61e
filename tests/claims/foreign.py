"""A county as other bureaus would export it, made from the simulator's: other names of files and columns, codes of their own, amounts in 分;
and beside each export the mapping a careful hand writes for it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import duckdb

#: Table → (file, official column → local header). Written by hand, as a bureau's engineer would name them; nothing in the product knows these.
CHINESE: dict[str, tuple[str, dict[str, str]]] = {
    "persons": (
        "参保人员基本信息",
        {
            "psn_no": "个人电脑号", "gend": "性别代码", "brdy": "出生年月", "insutype": "险种类别", "psn_type": "参保人员类别",
            "psn_insu_date": "首次参保日期", "insuplc_admdvs": "参保所属区划", "emp_name": "参保单位", "curr_addr_code": "居住地址",
            "death_date": "死亡时间",
        },
    ),
    "institutions": (
        "两定机构名录",
        {
            "fixmedins_code": "定点机构代码", "fixmedins_name": "定点机构名称", "fixmedins_type": "定点机构类型", "hosp_lv": "医院级别",
            "admdvs": "所属区划", "aprv_bed_cnt": "核定床位数", "lnt": "所在经度", "lat": "所在纬度",
        },
    ),
    "settlements": (
        "就诊结算信息",
        {
            "setl_id": "结算单据号", "mdtrt_id": "就医流水号", "psn_no": "个人电脑号", "fixmedins_code": "就诊机构代码", "insutype": "险种类别",
            "psn_type": "就诊人员类别", "med_type": "就医类别", "begntime": "就诊开始日期", "endtime": "就诊结束日期", "setl_time": "费用结算时间",
            "dscg_maindiag_code": "出院主要诊断编码", "opt_diag_code": "门诊诊断编码", "dscg_way": "出院方式", "atddr_no": "主管医师代码",
            "adm_bed": "病床号", "medfee_sumamt": "医疗总费用", "fund_pay_sumamt": "基金支付合计", "hifp_pay": "统筹基金支付",
            "acct_pay": "个人账户支付", "psn_cash_pay": "个人现金支付", "act_pay_dedc": "起付标准", "refd_setl_flag": "退费标识",
            "init_setl_id": "被退结算单据号",
        },
    ),
    "fee_details": (
        "就诊费用明细",
        {
            "feedetl_sn": "费用流水号", "mdtrt_id": "就医流水号", "setl_id": "结算单据号", "psn_no": "个人电脑号", "fixmedins_code": "就诊机构代码",
            "fee_ocur_time": "费用发生日期", "med_list_codg": "医保项目编码", "hilist_name": "医保项目名称", "med_chrgitm_type": "收费项目类别",
            "chrgitm_lv": "项目等级", "cnt": "使用数量", "pric": "项目单价", "det_item_fee_sumamt": "项目金额", "inscp_scp_amt": "政策内金额",
            "bilg_dr_codg": "开单医师代码",
        },
    ),
    "catalog": (
        "三大目录",
        {"med_list_codg": "医保项目编码", "name": "医保项目名称", "med_chrgitm_type": "收费项目类别", "chrgitm_lv": "项目等级", "pric_uplmt_amt": "最高限价"},
    ),
}  # fmt: skip

#: The second bureau: other words again, what it does not send, and codes in words.
FOREIGN: dict[str, tuple[str, dict[str, str]]] = {
    "persons": (
        "T_CBRY",
        {
            "psn_no": "会员号", "certno": "公民身份号码", "gend": "性别", "brdy": "出生日期", "insutype": "医保类型", "psn_type": "待遇人群",
            "insuplc_admdvs": "统筹区",
        },
    ),
    "institutions": (
        "T_YLJG",
        {
            "fixmedins_code": "医疗机构编码", "fixmedins_name": "医疗机构名称", "fixmedins_type": "机构分类", "hosp_lv": "级别",
            "admdvs": "行政区划", "aprv_bed_cnt": "编制床位",
        },
    ),
    "settlements": (
        "T_JSZD",
        {
            "setl_id": "结算流水号", "mdtrt_id": "就医登记号", "psn_no": "会员号", "fixmedins_code": "医疗机构编码", "insutype": "医保类型",
            "psn_type": "待遇人群", "med_type": "诊疗方式", "begntime": "入院(就诊)时间", "endtime": "出院时间", "setl_time": "结算日期",
            "dscg_maindiag_code": "主要诊断", "atddr_no": "责任医生", "medfee_sumamt": "费用总额", "fund_pay_sumamt": "医保基金支付",
            "hifp_pay": "其中统筹支付", "acct_pay": "个人帐户支付", "psn_cash_pay": "个人自付", "refd_setl_flag": "是否退费", "init_setl_id": "原结算流水号",
        },
    ),
    "fee_details": (
        "T_FYMX",
        {
            "feedetl_sn": "费用序号", "mdtrt_id": "就医登记号", "setl_id": "结算流水号", "psn_no": "会员号", "fixmedins_code": "医疗机构编码",
            "fee_ocur_time": "计费时间", "med_list_codg": "国家医保编码", "hilist_name": "项目名称", "med_chrgitm_type": "费用归类",
            "cnt": "数量", "pric": "单价", "det_item_fee_sumamt": "金额", "bilg_dr_codg": "开单医生",
        },
    ),
}  # fmt: skip
WORDS: dict[str, dict[str, str]] = {
    "gend": {"1": "男", "2": "女"},
    "insutype": {"310": "城镇职工", "390": "城乡居民"},
    "psn_type": {"1101": "在职职工", "1201": "职工退休", "1403": "中小学生", "1501": "普通居民"},
    "med_type": {
        "11": "普通门诊", "13": "急诊", "14": "门诊慢特病", "41": "药店购药", "21": "普通住院", "26": "单病种住院", "25": "异地住院",
        "19": "意外伤害门诊", "16": "中医特色门诊", "52": "生育住院",
    },
    "hosp_lv": {"02": "三级甲等", "05": "二级甲等", "06": "二级乙等", "08": "一级甲等", "09": "一级乙等", "11": "未定级", "03": "三级乙等"},
    "fixmedins_type": {"1": "医疗机构", "2": "零售药店"},
    "refd_setl_flag": {"0": "否", "1": "是"},
    "med_chrgitm_type": {
        "01": "床位费", "02": "诊察费", "03": "检查费", "04": "化验费", "05": "治疗费", "06": "手术费", "07": "护理费", "08": "卫生材料费",
        "09": "西药费", "10": "中药饮片费", "11": "中成药费", "12": "一般诊疗费", "13": "挂号费", "14": "其他费",
    },
}  # fmt: skip
#: The third: codes of its own that say nothing.
LOCAL: dict[str, dict[str, str]] = {
    "gend": {"1": "1", "2": "0"},
    "insutype": {"310": "1", "390": "2"},
    "med_type": {
        "11": "110",
        "13": "120",
        "14": "130",
        "41": "300",
        "21": "210",
        "26": "220",
        "25": "230",
        "19": "140",
        "16": "150",
        "52": "240",
    },
    "fixmedins_type": {"1": "A", "2": "B"},
    "refd_setl_flag": {"0": "1", "1": "2"},
    "med_chrgitm_type": {f"{i:02d}": f"F{i}" for i in range(1, 15)},
}
MONEY = ("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay", "pric", "det_item_fee_sumamt")


def rows_of(county: Path, table: str) -> tuple[list[str], list[tuple[object, ...]]]:
    with duckdb.connect() as con:
        path = county / f"{table}.parquet"
        found = con.execute(
            f"FROM '{path if path.exists() else f'{county / table}/*.parquet'}' ORDER BY ALL"
        ).fetchall()
        return [d[0] for d in con.description or []], found


def renamed(county: Path, out: Path) -> Path:
    """The county under Chinese names of a bureau's own, one UTF-8 CSV a table; gives the hand's mapping."""
    return _written(county, out, CHINESE, "utf-8", lambda column, cell: cell, "yuan", {})


def foreign(county: Path, out: Path, words: dict[str, dict[str, str]] = WORDS) -> Path:
    """The county as another system has it: GB18030, codes in words, amounts in 分 though no header says so, settlements a file a month; gives the hand's
    mapping."""

    def told(column: str, cell: str) -> str:
        if column in MONEY and cell:
            return f"{round(float(cell) * 100)}"
        if column in ("begntime", "endtime", "setl_time", "fee_ocur_time"):
            return cell.replace("-", "/")
        return words.get(column, {}).get(cell, cell)

    return _written(county, out, FOREIGN, "gb18030", told, "fen", words, monthly=("settlements",))


def _written(
    county: Path,
    out: Path,
    names: dict[str, tuple[str, dict[str, str]]],
    encoding: str,
    told: Callable[[str, str], str],
    unit: str,
    words: dict[str, dict[str, str]],
    monthly: tuple[str, ...] = (),
) -> Path:
    out.mkdir(parents=True)
    hand = ['name = "hand"', f'unit = "{unit}"']
    for table, (file, columns) in names.items():
        header, rows = rows_of(county, table)
        kept = {c: local for c, local in columns.items() if c in header}
        parts: dict[str, list[list[str]]] = {}
        for row in rows:
            cells = dict(zip(header, row, strict=True))
            part = f"{file}_{str(cells['setl_time'] or cells['begntime'])[:7]}" if table in monthly else file
            parts.setdefault(part, []).append([told(c, "" if cells[c] is None else str(cells[c])) for c in kept])
        for part, body in parts.items():
            with (out / f"{part}.csv").open("w", encoding=encoding, newline="") as stream:
                csv.writer(stream).writerows([list(kept.values()), *body])
        hand += [f"[tables.{table}]", f'files = ["{file}*"]', f"[tables.{table}.columns]"]
        for column, local in kept.items():
            values = ", ".join(f'"{w}" = "{c}"' for c, w in words.get(column, {}).items())
            hand.append(
                f'{column} = {{ from = "{local}", values = {{ {values} }} }}' if values else f'{column} = "{local}"'
            )
    mapping = out.parent / f"{out.name}.toml"
    mapping.write_text("\n".join(hand), "utf-8")
    return mapping

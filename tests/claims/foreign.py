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
            "psn_no": "个人电脑号", "certno": "身份证件号码", "gend": "性别代码", "brdy": "出生年月", "insutype": "险种类别",
            "psn_type": "参保人员类别", "psn_insu_stas": "当前参保状态", "psn_insu_date": "首次参保日期", "cvlserv_flag": "是否公务员",
            "insuplc_admdvs": "参保所属区划", "emp_name": "参保单位", "psn_idet_type": "特殊身份类型", "curr_addr": "居住地址",
            "tel_hash": "联系电话", "mulaid_grp_id": "家庭共济组号", "death_date": "死亡时间", "opsp_dise_code": "门诊慢特病编码",
            "opsp_begndate": "慢特病认定日期", "curr_addr_code": "居住地址",
        },
    ),
    "institutions": (
        "两定机构名录",
        {
            "fixmedins_code": "定点机构代码", "fixmedins_name": "定点机构名称", "fixmedins_type": "定点机构类型",
            "medins_type": "机构服务类型", "hosp_lv": "医院级别", "medinslv": "机构等级", "biznat": "经营性质类型", "admdvs": "所属区划",
            "aprv_bed_cnt": "核定床位数", "hi_crtf_bed_cnt": "医保认可床位", "dr_psncnt": "医生人数", "phar_psncnt": "药师数量",
            "nurs_psncnt": "护士数量", "lnt": "所在经度", "lat": "所在纬度", "biz_area": "营业面积", "cred_lv": "信用级别",
            "uscc": "社会统一信用代码", "legrep_name_hash": "法人代表", "begntime": "定点起始日期", "endtime": "定点终止日期",
            "vali_flag": "有效标识", "agreement_stas": "医保协议状态",
        },
    ),
    "doctors": (
        "医保医师库",
        {
            "dr_codg": "医师代码", "fixmedins_code": "所在机构代码", "hosp_dept_code": "所在科室", "dr_pro_tech_duty": "技术职称",
            "mul_prac_flag": "多点执业标识", "main_pracins_flag": "主执业机构", "hi_dr_flag": "医保医师标识",
            "hi_serv_stas": "医师服务状态",
        },
    ),
    "settlements": (
        "就诊结算信息",
        {
            "setl_id": "结算单据号", "mdtrt_id": "就医流水号", "psn_no": "个人电脑号", "fixmedins_code": "就诊机构代码",
            "insutype": "险种类别", "psn_type": "就诊人员类别", "med_type": "就医类别", "begntime": "就诊开始日期",
            "endtime": "就诊结束日期", "setl_time": "费用结算时间", "mdtrt_cert_type": "就诊凭证类别", "dise_codg": "门慢病种代码",
            "dscg_maindiag_code": "出院主要诊断编码", "opt_diag_code": "门诊诊断编码", "adm_way": "入院方式", "dscg_way": "出院方式",
            "adm_dept_codg": "就诊科室代码", "adm_bed": "病床号", "atddr_no": "主管医师代码", "days_rinp_flag_31": "31天再住院计划",
            "lv1_nurscare_days": "一级护理天数", "scd_nurscare_days": "二级护理天数", "lv3_nursecare_days": "三级护理天数",
            "oprn_oprt_code": "手术代码", "medfee_sumamt": "医疗总费用", "fund_pay_sumamt": "基金支付合计", "hifp_pay": "统筹基金支付",
            "hifmi_pay": "大病保险支付", "maf_pay": "医疗救助支付", "oth_pay": "其它支付", "acct_pay": "个人账户支付",
            "acct_mulaid_pay": "账户共济支付", "psn_cash_pay": "个人现金支付", "fulamt_ownpay_amt": "全自费部分",
            "preselfpay_amt": "先行自付部分", "inscp_scp_amt": "政策范围内费用", "act_pay_dedc": "起付标准", "balc": "账户结余",
            "refd_setl_flag": "退费标识", "init_setl_id": "被退结算单据号", "insuplc_admdvs": "参保所属区划", "out_flag": "异地就医标志",
            "vali_flag": "有效标识",
        },
    ),
    "fee_details": (
        "就诊费用明细",
        {
            "feedetl_sn": "费用流水号", "init_feedetl_sn": "被退费用流水号", "mdtrt_id": "就医流水号", "setl_id": "结算单据号",
            "psn_no": "个人电脑号", "fixmedins_code": "就诊机构代码", "fee_ocur_time": "费用发生日期", "med_list_codg": "医保项目编码",
            "hilist_name": "医保项目名称", "list_type": "三大目录类别", "med_chrgitm_type": "收费项目类别", "chrgitm_lv": "等级分类",
            "cnt": "使用数量", "pric": "项目单价", "det_item_fee_sumamt": "项目金额", "inscp_scp_amt": "政策内金额",
            "fulamt_ownpay_amt": "自费金额", "prd_days": "用药天数", "rx_circ_flag": "外配处方标志", "dscg_tkdrug_flag": "出院带药标识",
            "bilg_dr_codg": "开单医师代码", "bilg_dept_codg": "开单科室代码",
        },
    ),
    "catalog": (
        "三大目录",
        {
            "med_list_codg": "医保项目编码", "name": "医保项目名称", "list_type": "三大目录类别", "med_chrgitm_type": "收费项目类别",
            "chrgitm_lv": "项目级别", "pric_uplmt_amt": "最高限价",
        },
    ),
    "diagnoses": (
        "疾病诊断字典",
        {
            "diag_code": "疾病编码", "diag_name": "疾病名称",
        },
    ),
    "beds": (
        "床位信息",
        {
            "fixmedins_code": "机构代码", "hosp_bed_no": "床位编号", "bed_ward": "所属病区", "hosp_bed_room": "所属病房",
        },
    ),
    "inspections": (
        "稽核台账",
        {
            "insp_id": "稽核单号", "entity_type": "稽核对象类型", "entity_id": "稽核对象编号", "period_begin": "所属期起",
            "period_end": "所属期止", "insp_time": "稽核时间", "insp_type": "稽核方式", "lead_source": "线索来源类型",
            "finding": "稽核结论", "typology_code": "违规类型代码", "violation_class": "违规性质", "violation_amt": "违规金额",
            "recovered_amt": "追回基金", "disposition": "处理方式",
        },
    ),
    "presence_checks": (
        "查房登记",
        {
            "mdtrt_id": "就医流水号", "check_time": "查房时间", "in_bed": "是否在床", "leave_reason": "不在床事由",
        },
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


#: Columns a county writes otherwise than the tables, and what they are there.
OFFICIAL = {
    "curr_addr": "curr_addr_code",
    "legrep_name_hash": "legrep_hash",
    "violation_amt": "amt_confirmed",
    "recovered_amt": "amt_recovered",
}
#: What the hand writes where an outcome stands in several columns: table → (columns it needs, lines).
CASES: dict[str, tuple[tuple[str, str], str]] = {
    "presence_checks": (
        ("in_bed", "leave_reason"),
        """check_id = { join = ["就医流水号", "查房时间"] }
result_code = { cases = [
  { when = { "{0}" = "1" }, value = "B1_IN_BED" }, { when = { "{0}" = "0", "{1}" = "请假" }, value = "B3_LEAVE_OK" },
  { when = { "{0}" = "0", "{1}" = "外出检查" }, value = "B2_IN_HOUSE" }, { when = { "{0}" = "0", "{1}" = "手术室" }, value = "B2_IN_HOUSE" },
  { when = { "{0}" = "0", "{1}" = "透析" }, value = "B2_IN_HOUSE" }, { when = { "{0}" = "0", "{1}" = "" }, value = "B4_ABSENT" },
] }""",
    ),
    "inspections": (
        ("finding", "violation_class"),
        """outcome_code = { cases = [
  { when = { "{0}" = "confirmed", "{1}" = "illegal" }, value = "O1_FRAUD" }, { when = { "{0}" = "confirmed", "{1}" = "breach" }, value = "O3_BREACH" },
  { when = { "{0}" = "confirmed" }, value = "O2_IRREGULAR" }, { when = { "{0}" = "refuted" }, value = "O6_CLEAR" },
  { when = { "{0}" = "inconclusive" }, value = "O5_INSUFFICIENT" },
] }""",
    ),
}


def cut(claims: Path, out: Path, below: str) -> Path:
    """A county's export cut to the persons whose number's hash is below `below` (hexadecimal), with all that is theirs."""
    out.mkdir(parents=True)
    mine = f"substr(md5(psn_no), 1, 4) < '{below}'"
    with duckdb.connect() as con:
        for file in sorted(claims.glob("*.parquet")):
            columns = [r[0] for r in con.execute(f"DESCRIBE FROM '{file}'").fetchall()]
            kept = mine if "psn_no" in columns else "true"
            if file.stem == "presence_checks":
                kept = f"mdtrt_id IN (SELECT mdtrt_id FROM '{claims / 'settlements.parquet'}' WHERE {mine})"
            con.execute(f"COPY (FROM '{file}' WHERE {kept}) TO '{out / file.name}' (FORMAT parquet)")
    return out


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
        if not list(county.glob(f"{table}*")):
            continue
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
        ours = "diagnosis_names" if "diag_name" in header else table
        hand += [f"[tables.{ours}]", f'files = ["{file}*"]', f"[tables.{ours}.columns]"]
        needed, lines = CASES.get(table, ((), ""))
        if needed and set(needed) <= set(kept):
            hand.append(lines.replace("{0}", kept[needed[0]]).replace("{1}", kept[needed[1]]))
        for column, local in kept.items():
            if column in ("in_bed", "finding"):
                continue
            column = OFFICIAL.get(column, column)
            values = ", ".join(f'"{w}" = "{c}"' for c, w in words.get(column, {}).items())
            hand.append(
                f'{column} = {{ from = "{local}", values = {{ {values} }} }}' if values else f'{column} = "{local}"'
            )
    if "opsp_dise_code" in names["persons"][1] and "opsp_dise_code" in rows_of(county, "persons")[0]:
        hand += ["[tables.chronic_registry]", 'derive = "persons"', 'where = "opsp_dise_code"']
    mapping = out.parent / f"{out.name}.toml"
    mapping.write_text("\n".join(hand), "utf-8")
    return mapping

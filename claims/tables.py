"""Every table a bureau can send and every table the warehouse keeps, column by column.

One line declares one column: ``name 中文名 kind [!] [ID|QI|HE|FI|PR] [happened] [=alias,alias]``. ``!`` means required, the two letters are the
personal-data class. Kinds and their canonical form (docs/design.md, tables.md §1.1):

======== ============================== =======================================================
kind     source                         canonical column
======== ============================== =======================================================
code     string, zeros kept             ``name`` VARCHAR
text     string                         ``name`` VARCHAR
date     any accepted date              ``name`` DATE
datetime any accepted date and time     ``name`` TIMESTAMP (Asia/Shanghai wall time)
money    yuan, fen or 10,000 yuan       ``name_fen`` BIGINT, 分
price    yuan                           ``name_e6`` BIGINT, 1e-6 元 (``pric`` → ``pric_e6``)
qty      units                          ``name_e4`` BIGINT, 1e-4 unit (``cnt`` → ``cnt_e4``)
int      whole number                   ``name`` BIGINT
ratio    fraction or percent            ``name`` DOUBLE, 0–1
float    number                         ``name`` DOUBLE
bool     derived at intake              ``name`` BOOLEAN
======== ============================== =======================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["code", "text", "date", "datetime", "money", "price", "qty", "int", "ratio", "float", "bool"]
Layout = Literal["person", "institution", "all"]

SUFFIX: dict[str, str] = {"money": "_fen", "price": "_e6", "qty": "_e4"}
SQL_TYPE: dict[str, str] = {
    "code": "VARCHAR",
    "text": "VARCHAR",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "money": "BIGINT",
    "price": "BIGINT",
    "qty": "BIGINT",
    "int": "BIGINT",
    "ratio": "DOUBLE",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
}
LAYOUT_KEY: dict[str, str] = {"person": "psn_no", "institution": "fixmedins_code"}


@dataclass(frozen=True)
class Column:
    """One column: official name, Chinese name, kind, and whether it is required, personal or a clock."""

    name: str
    zh: str
    kind: Kind
    required: bool = False
    personal: bool = False
    privacy: str = ""  # ID, QI, HE, FI, PR or "" (tables.md §9)
    clock: str = ""  # "happened" where the row's behaviour clock is this column
    aliases: tuple[str, ...] = ()

    @property
    def canonical(self) -> str:
        """Name in the warehouse: money gets ``_fen``, prices ``_e6``, quantities ``_e4``."""
        return self.name + SUFFIX.get(self.kind, "")

    @property
    def sql_type(self) -> str:
        """DuckDB type in the warehouse."""
        return SQL_TYPE[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: its key, its columns, and the layouts in which the warehouse keeps it."""

    name: str
    zh: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    layouts: tuple[Layout, ...] = ("all",)
    required: bool = False

    def __getitem__(self, name: str) -> Column:
        """The column of that official or canonical name; KeyError if there is none."""
        for column in self.columns:
            if name in (column.name, column.canonical):
                return column
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in (c.name, c.canonical) for c in self.columns)

    @property
    def happened(self) -> Column | None:
        """The column that says when the row took place, if it has one."""
        return next((c for c in self.columns if c.clock == "happened"), None)

    @property
    def canonical_columns(self) -> dict[str, str]:
        """Canonical column name → DuckDB type, clocks and version included, in file order."""
        names = {c.canonical: c.sql_type for c in self.columns}
        if self.happened:
            names["happened_at"] = "TIMESTAMP"
        if self.name not in BARE:
            names |= {"known_at": "TIMESTAMP", "version_no": "INTEGER"}
        return names


BARE = ("superseded", "clock_collapsed")  # tables that describe others and carry no clocks of their own


def _columns(text: str) -> tuple[Column, ...]:
    made = []
    for line in filter(None, (part.strip() for part in text.splitlines())):
        name, zh, kind, *rest = line.split()
        privacy = next((r for r in rest if r in ("ID", "QI", "HE", "FI", "PR")), "")
        aliases = next((tuple(r[1:].split(",")) for r in rest if r.startswith("=")), ())
        made.append(
            Column(
                name,
                zh,
                cast(Kind, kind),
                "!" in rest,
                bool(privacy),
                privacy,
                "happened" if "happened" in rest else "",
                aliases,
            )
        )
    return tuple(made)


_PERSONS = """
psn_no 人员编号 code ! ID =个人编号,参保号,psn_id
certno 证件号码 code ID =身份证号,身份证号码,公民身份号码
psn_cert_type 证件类型 code
gend 性别 code ! QI =sex,gender
brdy 出生日期 date ! QI =出生年月日,birthday,birth_date
insutype 险种类型 code ! =险种
psn_type 人员类别 code ! QI
psn_insu_stas 人员参保状态 code =参保状态
psn_insu_date 个人参保日期 date =参保日期
paus_insu_date 暂停参保日期 date
cvlserv_flag 公务员标志 code QI =公务员
balc 个人账户余额 money FI
insuplc_admdvs 参保地医保区划 code ! QI =insu_admdvs,参保地区划,参保地,区划
emp_no 单位编号 code QI
emp_name 单位名称 code QI =单位,工作单位
psn_idet_type 人员身份类别 code QI =身份类别,特殊身份
curr_addr_code 现住址 code QI =curr_addr,住址编码,地址编码
tel_hash 电话哈希 code ID =电话
mulaid_grp_id 家庭共济组 code QI =共济组,共济编号
death_date 死亡日期 date HE
opsp_dise_code 慢特病病种编码 code HE =门慢病种,慢病编码
opsp_begndate 慢特病认定日期 date HE =慢病开始日期
"""

_INSTITUTIONS = """
fixmedins_code 定点医药机构编号 code ! =medins_code,定点机构编码,机构编码,医院编码
fixmedins_name 定点医药机构名称 text =机构名称,医院名称
fixmedins_type 定点医疗服务机构类型 code ! =机构类别
medins_type 医疗服务机构类型 code =机构类型
hosp_lv 医院等级 code ! =等级
medinslv 医疗机构等级 code
medins_natu 机构性质 code
biznat 经营性质 code
econ_type 经济类型 code
admdvs 医保区划 code ! =区划
area_code 片区 code
alliance_code 医共体 code
aprv_bed_cnt 批准床位数量 int =批准床位数,床位数,核定床位
hi_crtf_bed_cnt 医保认可床位数 int =医保床位
dr_psncnt 医师人数 int =医师数
phar_psncnt 药师人数 int =药师数
nurs_psncnt 护士人数 int =护士数
tecn_psncnt 技师人数 int =技师数
lnt 经度 float
lat 纬度 float
biz_area 经营面积 float
open_24h_flag 二十四小时营业标志 code
sp_drugstore_flag 双通道药店标志 code
cred_lv 信用等级 code
uscc 统一社会信用代码 code =社会信用代码
legrep_hash 法定代表人哈希 code ID =legrep_name_hash,法定代表人
begntime 定点起始时间 datetime =定点开始时间
endtime 定点终止时间 datetime =定点结束时间
vali_flag 有效标志 code =有效
agreement_stas 协议状态 code
"""

_DOCTORS = """
dr_codg 医师编码 code ! PR =医生编码,医师代码,dr_code
fixmedins_code 定点医药机构编号 code ! =medins_code,定点机构编码,机构编码,医院编码
hosp_dept_code 科室 code =科室编码,科室代码
prac_dr_id 执业编号 code PR
dr_prac_type 执业类型 code PR
dr_prac_scp_code 执业范围 code PR
dr_pro_tech_duty 专业技术职务 code PR =职称
hi_dr_flag 是否医保医师 code =医保医师
mul_prac_flag 多点执业标志 code =多点执业
main_pracins_flag 主执业机构标志 code PR =主执业
hi_serv_stas 服务状态 code PR
begndate 服务开始日期 date
enddate 服务结束日期 date
certno 证件号码 code ID =身份证号
penalty_points 支付资格记分 float PR
"""

_WHO = """
psn_no 人员编号 code ! ID =个人编号,参保号,psn_id
fixmedins_code 定点医药机构编号 code ! =medins_code,定点机构编码,机构编码,医院编码
insutype 险种类型 code ! =险种
psn_type 人员类别 code ! QI
med_type 医疗类别 code ! HE =就诊类型,业务类型
"""

_ADMISSION = """
mdtrt_cert_type 就诊凭证类型 code =凭证类型
mdtrt_cert_no 就诊凭证编号 code ID
dise_codg 病种编码 code HE =慢病病种
dise_name 病种名称 text HE
er_flag 急诊标志 code
adm_way 入院途径 code
adm_dept_codg 入院科室 code =科室,入院科室编码
adm_bed 入院床位 code =床位,床号,床位号
ipt_no 住院号 code ID
atddr_no 主治医师编码 code PR =atddr_code,主治医师,医师编码,经治医生
chfpdr_code 主诊医师编码 code PR
trum_flag 外伤标志 code HE
traf_dept_flag 涉及第三方标志 code HE
insuplc_admdvs 参保地医保区划 code QI =insu_admdvs,参保地,参保地区划
out_flag 异地标志 code QI =异地
"""

_DISCHARGE = """
dscg_maindiag_code 住院主诊断代码 code HE =主诊断,主要诊断编码,出院主诊断
opt_diag_code 门诊主诊断 code HE =门诊诊断
dscg_way 离院方式 code HE =出院方式
dscg_caty 出院科别 code
days_rinp_flag_31 三十一天内再住院计划标志 code HE =再住院计划
spga_nurscare_days 特级护理天数 int HE
lv1_nurscare_days 一级护理天数 int HE =lv1_nursecare_days
scd_nurscare_days 二级护理天数 int HE
lv3_nursecare_days 三级护理天数 int HE =lv3_nurscare_days
oprn_oprt_code 手术操作代码 code HE =手术编码,手术
drg_code 病组 code HE
drg_weight 病组权重 float HE
dip_score 病种点数 float HE
"""

_MONEY = """
medfee_sumamt 医疗费总额 money FI =medfee_sum,总费用,总金额,医疗总费用
fund_pay_sumamt 基金支付总额 money FI =基金支付
hifp_pay 统筹基金支出 money FI =hifp_payamt,统筹支付
hifob_pay 大额补助支出 money FI
hifmi_pay 居民大病支出 money FI =大病支付
maf_pay 医疗救助支出 money FI =医疗救助
cvlserv_pay 公务员补助支出 money FI
hifes_pay 企业补充支出 money FI
oth_pay 其他支付 money FI
acct_pay 个人账户支出 money FI =账户支付,个人账户
acct_mulaid_pay 个人账户共济支付 money FI =共济支付
psn_cash_pay 个人现金支出 money FI =psn_cashpay,cash_payamt,现金支付,个人现金
fulamt_ownpay_amt 全自费金额 money FI =全自费
overlmt_selfpay 超限价自费 money FI
preselfpay_amt 先行自付金额 money FI =先行自付
inscp_scp_amt 符合政策范围金额 money FI =inscp_amt,范围内金额
act_pay_dedc 实际支付起付线 money FI =起付线
balc 账户余额 money FI
"""

_SETTLE_TAIL = """
refd_setl_flag 退费标志 code =退费,退款标志
init_setl_id 原结算ID code =原结算单号,原单号
clr_type 清算类别 code
manual_flag 手工报销标志 code
opter_id 操作员 code PR
terminal_id 终端 code PR
"""

_TIMES = """
begntime 就诊开始时间 datetime ! HE happened =adm_time,begndate,adm_date,入院时间,就诊时间,入院日期,开始时间
endtime 就诊结束时间 datetime HE =dscg_time,enddate,dscg_date,出院时间,出院日期,结束时间
setl_time 结算时间 datetime =结算日期
"""

_LINES = """
feedetl_sn 费用明细流水号 code ! =bkkp_sn,明细流水号,流水号,明细号
init_feedetl_sn 原费用流水号 code =原流水号
mdtrt_id 就诊ID code ! ID =就诊号,就诊编号
setl_id 结算ID code =结算单号
psn_no 人员编号 code ! ID =个人编号,参保号
fixmedins_code 定点医药机构编号 code ! =medins_code,定点机构编码,机构编码,医院编码
chrg_bchno 收费批次号 code
rxno 处方号 code HE
rx_circ_flag 外购处方标志 code HE =外购处方,外购
drord_no 医嘱号 code HE =rx_drord_no
fee_ocur_time 费用发生时间 datetime ! HE happened =费用时间,发生时间,收费时间
med_list_codg 医疗目录编码 code ! HE =目录编码,国家编码,项目编码
hilist_code 医保目录编码 code HE
hilist_name 医保目录名称 text HE =目录名称,项目名称
medins_list_codg 医药机构目录编码 code
list_type 目录类别 code =目录类型
med_chrgitm_type 医疗收费项目类别 code ! HE =收费类别,费用类别
chrgitm_lv 收费项目等级 code =甲乙类
cnt 数量 qty !
pric 单价 price ! FI
det_item_fee_sumamt 明细项目费用总额 money ! FI =金额,明细金额
inscp_scp_amt 符合政策范围金额 money FI =inscp_amt,范围内金额
pric_uplmt_amt 定价上限金额 price FI
overlmt_amt 超限价金额 money FI
selfpay_prop 自付比例 ratio
fulamt_ownpay_amt 全自费金额 money FI =全自费
lmt_used_flag 限制使用标志 code
hi_nego_drug_flag 谈判药品标志 code
list_sp_item_flag 特项标志 code
sin_dos_dscr 单次剂量 text HE
used_frqu_dscr 使用频次 text HE
prd_days 周期天数 float HE =用药天数
dscg_tkdrug_flag 出院带药标志 code =出院带药
bilg_dept_codg 开单科室 code PR =开单科室编码
bilg_dr_codg 开单医师 code PR =bilg_dr_code,开单医生,开单医师编码
acord_dept_codg 受单科室 code PR
orders_dr_code 受单医师 code PR
drug_trac_codg 药品追溯码 code =追溯码
manu_lotnum 生产批号 code
"""

_OPTIONAL: dict[str, tuple[str, tuple[str, ...], str]] = {
    "beds": (
        "床位",
        ("fixmedins_code", "bed_ward", "hosp_bed_no"),
        """
fixmedins_code 定点医药机构编号 code ! =机构编码
hosp_bed_no 床位号 code ! =床号
hosp_bed_type 床位类型 code
bed_ward 病区 code
hosp_bed_room 病房 code
hosp_dept_code 科室 code
inpa_area_code 病区编码 code
inpa_area_name 病区名称 text
""",
    ),
    "ward_census": (
        "在院统计",
        ("fixmedins_code", "stt_date"),
        """
fixmedins_code 定点医药机构编号 code !
stt_date 统计日期 date ! happened
inpt_cnt 在院人数 int
admit_cnt 入院人数 int
leave_cnt 出院人数 int
bed_cnt 床位数 int
""",
    ),
    "presence_checks": (
        "查床记录",
        ("check_id",),
        """
check_id 查床编号 code
mdtrt_id 就诊ID code ! ID =就诊号,就诊编号
fixmedins_code 定点医药机构编号 code =机构编码
check_time 查床时间 datetime ! happened =检查时间
check_way 查床方式 code
result_code 查床结果 code
leave_reason 不在床原因 text HE =离开原因,原因
evidence_ref 证据编号 text
checker_1 查床人一 code PR
checker_2 查床人二 code PR
source 线索来源 code
selection_prob 抽中概率 ratio
""",
    ),
    "stock_moves": (
        "进销存",
        ("move_id",),
        """
move_id 进销存编号 code !
fixmedins_code 定点医药机构编号 code !
med_list_codg 医疗目录编码 code !
move_type 变动类型 code !
cnt 数量 qty !
pric 单价 price FI
move_time 变动时间 datetime ! happened
manu_lotnum 生产批号 code
supplier_hash 供货商哈希 code
""",
    ),
    "catalog": (
        "目录知识库",
        ("med_list_codg", "begndate"),
        """
med_list_codg 医疗目录编码 code !
name 名称 text
list_type 目录类别 code
med_chrgitm_type 医疗收费项目类别 code
chrgitm_lv 收费项目等级 code
pric_uplmt_amt 定价上限金额 price FI
lmt_gend 限性别 code
lmt_age_min 限最小年龄 float
lmt_age_max 限最大年龄 float
lmt_hosp_lv 限医院等级 code
lmt_med_type 限医疗类别 code
max_days 最大天数 float
max_freq 最大频次 float
freq_window_days 频次窗口天数 float
mutex_group 互斥组 code
includes_item 包含项目 code
discount_p 折扣起 float
discount_q 折扣率 float
resale_risk_flag 倒卖风险标志 code
generic_code 通用名编码 code
pack_factor 包装系数 float
infusion_flag 输液标志 code
std_minutes 标准分钟数 float
begndate 生效日期 date
enddate 失效日期 date
""",
    ),
    "chronic_registry": (
        "门诊慢特病备案",
        ("psn_no", "opsp_dise_code", "opsp_begndate"),
        """
psn_no 人员编号 code ! ID
opsp_dise_code 慢特病病种编码 code ! HE
opsp_begndate 认定日期 date
opsp_enddate 终止日期 date
annual_limit 年度限额 money FI
reg_org 认定机构 code
reviewer_origin 评审来源 code
last_review_date 上次复审日期 date
review_cycle 复审周期 code
drug_set_id 用药范围 code
""",
    ),
    "inspections": (
        "稽核结果",
        ("insp_id", "entity_type", "entity_id", "finding_no"),
        """
insp_id 稽核编号 code ! =检查编号
finding_no 结论序号 code
entity_type 对象类型 code !
entity_id 对象编号 code ! ID
period_begin 检查期起 date
period_end 检查期止 date
insp_time 检查时间 datetime ! happened =检查日期
conclude_time 结论时间 datetime
insp_type 检查方式 code
lead_source 线索来源 code
selection_prob 抽中概率 ratio
outcome_code 核查结论 code
typology_code 骗保类型 code
violation_class 三违分类 code
amt_suspect 疑点金额 money FI
amt_confirmed 违规金额 money FI =violation_amt
amt_recovered 追回金额 money FI =recovered_amt
amt_refused 拒付金额 money FI
amt_fine 罚款金额 money FI
amt_self_return 自查退回金额 money FI
disposition 处理 code
reason_text 说明 text HE
model_version 模型版本 code
rule_version 规则版本 code
rank_at_issue 下发时排名 int
""",
    ),
    "operations": (
        "手术",
        ("mdtrt_id", "seq"),
        """
mdtrt_id 就诊ID code ! ID
seq 序号 code !
oprn_oprt_code 手术操作代码 code ! HE
oprn_oprt_date 手术日期 datetime HE happened
oper_dr_code 术者 code PR
anst_way 麻醉方式 code HE
""",
    ),
    "diagnoses": (
        "诊断",
        ("mdtrt_id", "seq"),
        """
mdtrt_id 就诊ID code ! ID
seq 序号 code !
diag_type 诊断类别 code
diag_code 诊断编码 code ! HE
maindiag_flag 主诊断标志 code
""",
    ),
    "diagnosis_names": (
        "诊断字典",
        ("diag_code",),
        """
diag_code 诊断编码 code !
diag_name 诊断名称 text
""",
    ),
    "agreement_periods": (
        "协议状态期",
        ("fixmedins_code", "begndate"),
        """
fixmedins_code 定点医药机构编号 code !
begndate 开始日期 date !
stas 状态 code !
enddate 结束日期 date
doc_no 文号 code
""",
    ),
    "household_links": (
        "家庭关系",
        ("psn_no", "rel_psn_no"),
        """
psn_no 人员编号 code ! ID
rel_psn_no 关系人员编号 code ! ID
relation 关系 code QI
source 来源 code
""",
    ),
    "filings": (
        "备案",
        ("psn_no", "kind", "begndate"),
        """
psn_no 人员编号 code ! ID
kind 备案类型 code !
begndate 开始日期 date !
enddate 结束日期 date
org 机构 code
""",
    ),
    "injury_cases": (
        "意外伤害案",
        ("case_no",),
        """
case_no 案号 code !
psn_no 人员编号 code ID
mdtrt_id 就诊ID code ID
cause 原因 code HE
place 地点 code
third_party 第三方 code
verdict 结论 code
investigator_org 调查机构 code
""",
    ),
    "quota": (
        "总控指标",
        ("fixmedins_code", "year"),
        """
fixmedins_code 定点医药机构编号 code !
year 年度 code !
quota_amt 指标金额 money
method 付费方式 code
cap_per_visit 人次定额 money
""",
    ),
    "equipment": (
        "设备",
        ("fixmedins_code", "kind", "begndate"),
        """
fixmedins_code 定点医药机构编号 code !
kind 设备类型 code !
count 台数 int
begndate 启用日期 date
""",
    ),
    "policy_params": (
        "政策参数",
        ("admdvs", "key", "begndate"),
        """
admdvs 医保区划 code !
key 参数 code !
begndate 开始日期 date
value 值 text
enddate 结束日期 date
doc_no 文号 code
""",
    ),
    "calendar": (
        "日历",
        ("date",),
        """
date 日期 date !
holiday_flag 节假日 code
pension_day_flag 养老金发放日 code
account_topup_day_flag 账户划拨日 code
epidemic_flag 疫情期 code
system_cutover_flag 系统切换日 code
""",
    ),
}

_DERIVED = """
visit_class 就诊大类 code HE
is_inpatient 是否住院 bool HE
"""
_SETL_ID = "setl_id 结算ID code ID =结算单号"
_MDTRT_ID = "mdtrt_id 就诊ID code ! ID =就诊号,就诊编号"
_VALI = "vali_flag 有效标志 code =有效"


def _tables(*tables: Table) -> dict[str, Table]:
    return {table.name: table for table in tables}


_FACT: tuple[Layout, ...] = ("person", "institution")
_support = [Table(name, zh, key, _columns(text)) for name, (zh, key, text) in _OPTIONAL.items()]

#: What a bureau sends, by table (tables.md §2–3).
SOURCE: dict[str, Table] = _tables(
    Table("persons", "参保人", ("psn_no", "insutype"), _columns(_PERSONS), required=True),
    Table("institutions", "定点医药机构", ("fixmedins_code",), _columns(_INSTITUTIONS), required=True),
    Table("doctors", "医保医师", ("dr_codg", "fixmedins_code"), _columns(_DOCTORS)),
    Table(
        "settlements",
        "结算",
        ("setl_id",),
        _columns("\n".join((_SETL_ID, _MDTRT_ID, _WHO, _TIMES, _ADMISSION, _DISCHARGE, _MONEY, _SETTLE_TAIL, _VALI))),
        required=True,
    ),
    Table("fee_details", "费用明细", ("mdtrt_id", "feedetl_sn"), _columns(_LINES)),
    *_support,
)

#: What the warehouse keeps (docs/design.md §3).
CANONICAL: dict[str, Table] = _tables(
    Table(
        "visits",
        "就诊登记",
        ("mdtrt_id",),
        _columns("\n".join((_MDTRT_ID, _WHO, _DERIVED, _TIMES.strip().splitlines()[0], _ADMISSION))),
        _FACT,
    ),
    Table(
        "discharges",
        "出院登记",
        ("mdtrt_id",),
        _columns(
            "\n".join(
                (
                    _MDTRT_ID,
                    _WHO,
                    _DERIVED,
                    "begntime 就诊开始时间 datetime HE",
                    "endtime 就诊结束时间 datetime ! HE happened",
                    _DISCHARGE,
                )
            )
        ),
        _FACT,
    ),
    Table(
        "settlements",
        "结算",
        ("setl_id",),
        _columns(
            "\n".join(
                (
                    _SETL_ID,
                    _MDTRT_ID,
                    _WHO,
                    _DERIVED,
                    _TIMES,
                    "mdtrt_cert_type 就诊凭证类型 code\ninsuplc_admdvs 参保地医保区划 code QI\nout_flag 异地标志 code QI",
                    "atddr_no 主治医师编码 code PR\nopt_diag_code 门诊主诊断 code HE\ndise_codg 病种编码 code HE",
                    _MONEY,
                    _SETTLE_TAIL,
                )
            )
        ),
        _FACT,
    ),
    Table(
        "fee_details",
        "费用明细",
        ("mdtrt_id", "feedetl_sn"),
        _columns(_LINES + "setl_known_at 结算知悉时间 datetime"),
        _FACT,
    ),
    Table("persons", "参保人", ("psn_no", "insutype"), SOURCE["persons"].columns, ("person",)),
    Table("institutions", "定点医药机构", ("fixmedins_code",), SOURCE["institutions"].columns),
    Table("doctors", "医保医师", ("dr_codg", "fixmedins_code"), SOURCE["doctors"].columns),
    *_support,
    Table(
        "superseded",
        "已被取代的版本",
        ("table_name", "key", "version_no"),
        _columns(
            """
table_name 表 code !
key 键 code ! ID
psn_no 人员编号 code ID
fixmedins_code 定点医药机构编号 code
version_no 版本 int !
superseded_at 取代时间 datetime !
"""
        ),
        ("person", "institution", "all"),
    ),
    Table(
        "clock_collapsed",
        "时钟塌缩的机构日",
        ("fixmedins_code", "day"),
        _columns("fixmedins_code 定点医药机构编号 code !\nday 日期 date !"),
    ),
)

#: Splits of one exported settlements row (tables.md §1.2).
SPLIT = ("visits", "discharges", "settlements")


def source_table(name: str) -> Table:
    """The source-side declaration of a table; KeyError with its name if unknown."""
    return SOURCE[name]


def canonical_table(name: str) -> Table:
    """The warehouse-side declaration of a table; KeyError with its name if unknown."""
    return CANONICAL[name]

"""Columns of the tables every bureau can send, one line a column (the form is told in claims/schema/table.py;
contract.md §2)."""

PERSONS = """
psn_no 人员编号 code !! ID =个人编号,参保号,psn_id
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
psn_idet_type 人员身份类别 code QI =身份类别,特殊身份,困难身份
curr_addr_code 现住址 code QI =curr_addr,住址编码,地址编码
tel_hash 电话哈希 code ID =电话
mulaid_grp_id 家庭共济组 code QI =共济组,共济编号
death_date 死亡日期 date HE
opsp_dise_code 慢特病病种编码 code HE =门慢病种,慢病编码
opsp_begndate 慢特病认定日期 date HE =慢病开始日期
"""

INSTITUTIONS = """
fixmedins_code 定点医药机构编号 code !! =medins_code,定点机构编码,机构编码,医院编码
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

DOCTORS = """
dr_codg 医师编码 code !! PR =医生编码,医师代码,dr_code
fixmedins_code 定点医药机构编号 code !! =medins_code,定点机构编码,机构编码,医院编码
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

WHO = """
psn_no 人员编号 code !! ID =个人编号,参保号,psn_id
fixmedins_code 定点医药机构编号 code !! =medins_code,定点机构编码,机构编码,医院编码
insutype 险种类型 code ! =险种
psn_type 人员类别 code ! QI
med_type 医疗类别 code ! HE =就诊类型,业务类型
"""

ADMISSION = """
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

DISCHARGE = """
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

MONEY = """
medfee_sumamt 医疗费总额 money + FI =medfee_sum,总费用,总金额,医疗总费用
fund_pay_sumamt 基金支付总额 money + FI =基金支付
hifp_pay 统筹基金支出 money + FI =hifp_payamt,统筹支付
hifob_pay 大额补助支出 money FI
hifmi_pay 居民大病支出 money FI =大病支付
maf_pay 医疗救助支出 money FI =医疗救助
cvlserv_pay 公务员补助支出 money FI
hifes_pay 企业补充支出 money FI
oth_pay 其他支付 money FI
acct_pay 个人账户支出 money + FI =账户支付,个人账户
acct_mulaid_pay 个人账户共济支付 money FI =共济支付
psn_cash_pay 个人现金支出 money + FI =psn_cashpay,cash_payamt,现金支付,个人现金
fulamt_ownpay_amt 全自费金额 money FI =全自费
overlmt_selfpay 超限价自费 money FI
preselfpay_amt 先行自付金额 money FI =先行自付
inscp_scp_amt 符合政策范围金额 money FI =inscp_amt,范围内金额
act_pay_dedc 实际支付起付线 money FI =起付线
balc 账户余额 money FI
"""

SETTLE_TAIL = """
refd_setl_flag 退费标志 code + =退费,退款标志
init_setl_id 原结算ID code + =原结算单号,原单号
clr_type 清算类别 code
manual_flag 手工报销标志 code
opter_id 操作员 code PR
terminal_id 终端 code PR
"""

TIMES = """
begntime 就诊开始时间 datetime !! HE =adm_time,begndate,adm_date,入院时间,就诊时间,入院日期,开始时间
endtime 就诊结束时间 datetime + HE =dscg_time,enddate,dscg_date,出院时间,出院日期,结束时间
setl_time 结算时间 datetime + =结算日期
"""

LINES = """
feedetl_sn 费用明细流水号 code !! =bkkp_sn,明细流水号,流水号,明细号,费用流水号,费用序号,明细序号
init_feedetl_sn 原费用流水号 code =原流水号
mdtrt_id 就诊ID code !! ID =就诊号,就诊编号
setl_id 结算ID code + =结算单号
psn_no 人员编号 code ! ID =个人编号,参保号
fixmedins_code 定点医药机构编号 code ! =medins_code,定点机构编码,机构编码,医院编码
chrg_bchno 收费批次号 code
rxno 处方号 code HE
rx_circ_flag 外购处方标志 code HE =外购处方,外购
drord_no 医嘱号 code HE =rx_drord_no
fee_ocur_time 费用发生时间 datetime !! HE =费用时间,发生时间,收费时间
med_list_codg 医疗目录编码 code ! HE =目录编码,国家编码,项目编码
hilist_code 医保目录编码 code HE
hilist_name 医保目录名称 text HE =目录名称,项目名称
medins_list_codg 医药机构目录编码 code
list_type 目录类别 code =目录类型
med_chrgitm_type 医疗收费项目类别 code ! HE =收费类别,费用类别
chrgitm_lv 收费项目等级 code =甲乙类,等级
cnt 数量 qty !
pric 单价 price ! FI
det_item_fee_sumamt 明细项目费用总额 money !! FI =金额,明细金额
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
trdn_flag 拆零标志 code =拆零
manu_lotnum 生产批号 code
"""

DERIVED = """
visit_class 就诊大类 code HE
is_inpatient 是否住院 bool HE
"""
SETL_ID = "setl_id 结算ID code ID =结算单号"
MDTRT_ID = "mdtrt_id 就诊ID code !! ID =就诊号,就诊编号"
VALI = "vali_flag 有效标志 code + =有效"

"""Codes, money and distances as SQL, by name: what the evidence rows of features/catalog and features/rules are
written with.

A code is written `x = {SURGERY}`, a set of them `x IN {DRUGS}`; words on a bill `regexp_matches(name, {INJECTED})`.
Columns are those of the as-of views.
"""

#: 医疗收费项目类别 `med_chrgitm_type` of a fee line (national list), one name a code.
BED = "'01'"  # 床位费
CONSULTATION = "'02'"  # 诊察费
EXAM = "'03'"  # 检查费
LAB = "'04'"  # 化验费
TREATMENT = "'05'"  # 治疗费
SURGERY = "'06'"  # 手术费
NURSING = "'07'"  # 护理费
MATERIAL = "'08'"  # 卫生材料费
WESTERN_DRUG = "'09'"  # 西药费
HERBS = "'10'"  # 中药饮片费
PATENT_DRUG = "'11'"  # 中成药费
GENERAL_FEE = "'12'"  # 一般诊疗费
REGISTRATION = "'13'"  # 挂号费
OTHER_FEE = "'14'"  # 其他费


def any_of(*codes: str) -> str:
    """SQL list of codes that are SQL literals: `('03', '04')`."""
    return f"({', '.join(codes)})"


#: Examinations and laboratory tests; the groups of R59 are these, DRUGS, CARE and MATERIAL.
TESTS = any_of(EXAM, LAB)
DRUGS = any_of(WESTERN_DRUG, HERBS, PATENT_DRUG)
#: Drugs sold by the pack, which have days of supply; herbs are weighed.
PACKED_DRUGS = any_of(WESTERN_DRUG, PATENT_DRUG)
CARE = any_of(TREATMENT, SURGERY)
#: What somebody does to a patient at a certain minute.
SERVICES = any_of(EXAM, LAB, TREATMENT, SURGERY)
SERVICES_AND_NURSING = any_of(EXAM, LAB, TREATMENT, SURGERY, NURSING)
#: What a doctor orders for a disease: tests, treatments, drugs.
ORDERED = any_of(EXAM, LAB, TREATMENT, WESTERN_DRUG, HERBS, PATENT_DRUG)
#: What a ward bills once a day, whatever the disease.
DAILY_FEES = any_of(BED, NURSING)
#: What a visit for tests alone is billed.
TESTS_AND_VISIT_FEES = any_of(CONSULTATION, EXAM, LAB, GENERAL_FEE, REGISTRATION)
#: What comes with a bed and shows no care: bed, nursing and visit fees; without the bed.
ROUTINE = any_of(BED, CONSULTATION, NURSING, GENERAL_FEE, REGISTRATION)
ROUTINE_BESIDE_BED = any_of(CONSULTATION, NURSING, GENERAL_FEE, REGISTRATION)

#: `visit_class` (claims/schema/codes.py): bought at a pharmacy; for a chronic disease with a registry; with every
#: outpatient benefit for a disease.
PHARMACY = "('pharmacy', 'pharmacy_chronic')"
REGISTERED_CHRONIC = "('chronic', 'pharmacy_chronic')"
CHRONIC = "('chronic', 'pharmacy_chronic', 'two_disease', 'special_drug')"
#: Stays of long, flat fees: paid by the day, palliative.
LONG_CARE_CLASSES = "('inpatient_per_diem', 'inpatient_palliative')"
#: `med_type` 生育住院 and 单病种住院.
MATERNITY_STAY = "'52'"
SINGLE_DISEASE = "'26'"

#: `chrgitm_lv` 丙类: paid by the patient alone.
SELF_PAID = "'03'"
#: `mdtrt_cert_type` 医保电子凭证 and 居民身份证.
E_VOUCHER, ID_CARD = "'01'", "'02'"
#: `insutype`: the basic schemes of employees and residents, which exclude one another.
BASIC_SCHEMES = "('310', '390')"
#: `insutype` 长期照护保险: care, not medicine.
LONG_TERM_CARE = "'410'"
#: `fixmedins_type` 定点零售药店.
DRUGSTORE = "'2'"
#: `agreement_periods.stas`: the agreement is suspended or has ended, as bureaus write it.
SUSPENDED = "('suspended', 'terminated', '暂停', '解除', '终止')"
#: `dscg_way` 医嘱转院; with 医嘱转社区.
TRANSFERRED = "'2'"
TRANSFERS = "('2', '3')"
#: `insutype` 离休人员; with 一至六级残疾军人 and 老红军, all of whom pay nothing themselves (N27).
CADRE_INSURANCE = "'340'"
FULLY_COVERED = "('340', '350', '360')"
#: `filings.kind`: leave from the ward, living elsewhere, care at home.
LEAVE = "'请假'"
REMOTE = "'异地%'"
LIVING_ELSEWHERE = "'异地.*(长期|安置|居住|常驻)'"
HOME_CARE = "('家庭病床', '居家护理')"
AWAY_WITH_LEAVE = "('请假', '家庭病床', '居家护理')"
#: Bed codes that name no bed.
NO_BED = "('', '0', '00', '000')"

#: Beds put up in the corridor or kept for paper share one code (N35), as a regular expression.
EXTRA_BED = "'加|临|走廊|过道|虚'"

#: Words in the name of an item (`hilist_name`), as regular expressions: a drug given by needle, placed into the
#: body, nursing of the gravely ill.
INJECTED = "'注射|输液|滴注|针'"
PLACEMENT = "'置管|置入|植入|介入|造影|穿刺|安装'"
CLOSE_NURSING = "'特级|Ⅰ级|一级|I级'"


def by_needle(line: str) -> str:
    """SQL: a fee line is given by needle: a drug whose name says so, or an injection or infusion as a service;
    acupuncture (针刺) is neither."""
    name = f"coalesce({line}.hilist_name, '')"
    return f"""
        (
            regexp_matches({name}, '注射|输液|滴注')
            OR ({line}.med_chrgitm_type IN {DRUGS} AND regexp_matches({name}, {INJECTED}))
        )
    """


def paid(table: str = "") -> str:
    """SQL: what fund and personal account paid of a settlement in fen (M-SETL); `table` is its alias."""
    of = f"{table}." if table else ""
    return f"coalesce({of}fund_pay_sumamt_fen, 0) + coalesce({of}acct_pay_fen, 0)"


def retired_cadre(table: str) -> str:
    """SQL: insured as a retired cadre 离休 (N27), by the insurance or the kind of person of a settlement or stay."""
    return f"coalesce({table}.insutype = {CADRE_INSURANCE} OR {table}.psn_type LIKE '13%', false)"


def kilometres(lon1: str, lat1: str, lon2: str, lat2: str) -> str:
    """SQL for the great-circle distance of two points in km (mean radius of the Earth); NULL where a coordinate is
    missing."""
    north, east = f"sin(radians({lat1} - {lat2}) / 2)", f"sin(radians({lon1} - {lon2}) / 2)"
    root = f"sqrt(pow({north}, 2) + cos(radians({lat1})) * cos(radians({lat2})) * pow({east}, 2))"
    # not least(1.0, …): that ignores NULL, and would put a unit without coordinates on the other side of the Earth
    return f"2 * 6371.0088 * asin(CASE WHEN {root} > 1 THEN 1.0 ELSE {root} END)"


def kilometres_flat(lon1: str, lat1: str, lon2: str, lat2: str) -> str:
    """The same on a plane at the second point, 111.2 km a degree: within a county 1 in 1,000, and quicker over many
    rows."""
    return f"111.2 * sqrt(pow({lat1} - {lat2}, 2) + pow(({lon1} - {lon2}) * cos(radians({lat2})), 2))"

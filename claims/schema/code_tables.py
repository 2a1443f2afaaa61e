"""Every code set the product reads, once: code, Chinese meaning, and the other words systems write for it.

One line a code: ``code 中文 [@class] [=word,word]``; the class is that of a visit (claims/schema/codes.py).
docs/codes.md is made of these tables, and `xiezhi mapping suggest` proposes values by them. A bureau's other codes go
into its mapping (docs/mapping.md); a code of no table is kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from claims.schema.outcomes import OUTCOMES, PRESENCE, Outcome


@dataclass(frozen=True)
class Code:
    """One code: its Chinese meaning, other words for it, and the class of a visit of that kind."""

    code: str
    zh: str
    words: tuple[str, ...] = ()
    klass: str = ""

    @classmethod
    def parse(cls, line: str) -> Code:
        """From ``code 中文 [@class] [=word,word]``."""
        code, zh, *rest = line.split()
        klass = next((r[1:] for r in rest if r.startswith("@")), "")
        words = next((tuple(r[1:].split(",")) for r in rest if r.startswith("=")), ())
        return cls(code, zh, words, klass)


@dataclass(frozen=True)
class CodeTable:
    """One code set: the columns that hold it, what it is called, its codes, and a remark for docs/codes.md.

    read_as: the other words by which its meaning reaches SQL. vital: the lists rest on it. open: codes of no table are
    ordinary.
    """

    columns: tuple[str, ...]
    zh: str
    codes: tuple[Code, ...] = field(repr=False)
    note: str = ""
    read_as: tuple[str, ...] = ()
    vital: bool = False
    open: bool = False

    def word(self, written: str) -> str | None:
        """The code that a cell means: a code, its meaning or one of its words; None if it is none of them."""
        return self._words().get(written.strip().lower())

    def _words(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for code in self.codes:
            for word in (code.code, code.zh, *code.words):
                found.setdefault(word.lower(), code.code)
        return found


def _codes(text: str) -> tuple[Code, ...]:
    return tuple(Code.parse(line.strip()) for line in text.strip().splitlines())


def _outcomes(table: dict[str, Outcome], words: dict[str, str]) -> tuple[Code, ...]:
    return tuple(Code(c, o.zh, tuple(words.get(c, "").split(",")) if c in words else ()) for c, o in table.items())


INSUTYPE = """
310 职工基本医疗保险 =职工,职工医保,城镇职工,城职,在职职工,职工基本医保,城镇职工基本医疗保险
320 公务员医疗补助 =公务员
330 大额医疗费用补助 =大额
340 离休人员医疗保障 =离休,离休人员
350 一至六级残废军人医疗补助 =残军,残疾军人
360 老红军医疗保障 =老红军
370 企业补充医疗保险 =企业补充
380 新型农村合作医疗 =新农合,农合
390 城乡居民基本医疗保险 =居民,居民医保,城乡居民,城居,居民基本医保,城乡居民医保
391 城镇居民基本医疗保险 =城镇居民
392 城乡居民大病医疗保险 =居民大病
399 其他特殊人员医疗保障 =其他
410 长期照护保险 =长护险,长期护理保险
510 生育保险 =生育
"""

MED_TYPE = """
11 普通门诊 @outpatient =门诊,门诊统筹,普通,一般门诊
12 门诊挂号 @outpatient_reg =挂号
13 急诊 @emergency =门急诊,急诊留观,急诊门诊,急诊抢救
1301 急诊 @emergency
14 门诊慢特病 @chronic =门慢,门特,慢特病,慢病门诊,慢性病门诊,门诊慢性病,特殊病门诊,门诊特殊病,慢病,特病
140101 门诊大病 @chronic
140201 门诊特病 @chronic
140104 门诊慢病 @chronic
1403 两病门诊 @two_disease =两病,门诊两病,高血压糖尿病门诊
15 特药 @special_drug =特殊药品,双通道,国谈药
16 中医特色门诊 @outpatient_tcm =中医门诊
19 意外伤害门诊 @injury_op =外伤门诊,门诊外伤
81 意外伤害门诊 @injury_op
9940 意外伤害门诊 @injury_op
21 普通住院 @inpatient =住院
2101 普通住院 @inpatient
22 外伤住院 @injury_ip =意外伤害住院,住院外伤
23 转外诊治住院 @inpatient_referral =转外住院,转诊住院
24 急诊转住院 @inpatient_emergency =急诊住院
25 异地住院 @inpatient_remote =异地就医住院
26 单病种住院 @inpatient_single_disease =单病种
2102 单病种住院 @inpatient_single_disease
27 自主就医 @inpatient_self_ref
28 日间手术 @day_surgery =日间病房
2105 按床日付费住院 @inpatient_per_diem =床日住院
2106 平产 @maternity_ip =顺产
2107 剖宫产 @maternity_ip =剖腹产
2114 舒缓疗护 @inpatient_palliative =安宁疗护
41 定点药店购药 @pharmacy =药店购药,药店,购药,零售药店,药店刷卡,药房购药
51 生育门诊 @maternity_op =产前检查,产检
52 生育住院 @maternity_ip =住院分娩
53 计划生育手术费 @family_planning =计划生育手术,计划生育
9925 转入住院 @inpatient_referral
9929 药店慢特病药 @pharmacy_chronic =药店慢病,药店购慢特病药
99331 血液透析 @dialysis =门诊透析,透析
"""

PSN_TYPE = """
11 在职
1101 职工在职 =在职职工,职工
1102 公务员在职
1103 灵活就业在职 =灵活就业,灵活就业人员
1160 其他在职
12 退休 =退休人员,退休职工
1201 职工退休
1202 公务员退休
1203 灵活就业退休
1260 其他退休
13 离休 =离休人员
1300 离休人员
1360 其他离休
14 居民(未成年) =未成年,未成年居民,儿童,少儿
1401 新生儿
1402 学龄前 =学龄前儿童
1403 中小学生 =学生
1404 大学生
1405 未入学
1460 其他未成年
15 居民(成年) =成年,成年居民
1501 普通居民成年 =普通居民
1560 其他成年
16 居民(老年) =老年,老年居民
1601 普通居民老年
"""

CHARGES = """
01 床位费 =床位
02 诊察费 =诊查费,诊金,诊疗费
03 检查费 =检查,影像费
04 化验费 =化验,检验费,检验
05 治疗费 =治疗
06 手术费 =手术
07 护理费 =护理
08 卫生材料费 =材料费,耗材费,耗材,卫材费,材料
09 西药费 =西药
10 中药饮片费 =中药饮片,中草药费,中草药,草药费,饮片
11 中成药费 =中成药
12 一般诊疗费 =一般诊疗
13 挂号费 =挂号
14 其他费 =其他,其它,其他费用,其它费
"""

HOSPITAL = """
01 三级特等 =三特
02 三级甲等 =三甲,3甲
03 三级乙等 =三乙,三级,三级未定等
04 三级丙等 =三丙
05 二级甲等 =二甲,2甲
06 二级乙等 =二乙,二级,二级未定等
07 二级丙等 =二丙
08 一级甲等 =一甲,1甲
09 一级乙等 =一乙,一级,一级未定等
10 一级丙等 =一丙
11 无等级 =未定级,未评级,无级,药店,无,不定级,未定等
"""

#: Every code set, in the order of docs/codes.md.
CODE_TABLES: tuple[CodeTable, ...] = (
    CodeTable(("insutype",), "险种类型", _codes(INSUTYPE), "310 and 390 are the basic schemes; one person has one"),
    CodeTable(
        ("med_type",),
        "医疗类别",
        _codes(MED_TYPE),
        "An exact code of the mapping's [visit_class] first, then its longest prefix, then this table, then a prefix: "
        "14* chronic, 15* special_drug, 1* outpatient, 22* injury_ip, 28* day_surgery, 2* inpatient, 41* pharmacy, "
        "52* maternity_ip, 5* maternity_op; 8* and 99* never by prefix. What fits nowhere is of class unknown. "
        "A chronic visit at a pharmacy is pharmacy_chronic",
        read_as=("visit_class", "is_inpatient", "day_surgery"),
        vital=True,
    ),
    CodeTable(("psn_type",), "人员类别", _codes(PSN_TYPE)),
    CodeTable(("gend", "lmt_gend"), "性别", _codes("1 男 =m,male,男性\n2 女 =f,female,女性\n9 未说明 =0,未知,不详")),
    CodeTable(
        ("mdtrt_cert_type",),
        "就诊凭证类型",
        _codes("01 医保电子凭证 =电子凭证,医保码\n02 居民身份证 =身份证\n03 社会保障卡 =社保卡,医保卡"),
        "Other numbers (04 face or terminal) are local",
        open=True,
    ),
    CodeTable(
        ("med_chrgitm_type",),
        "医疗收费项目类别",
        _codes(CHARGES),
        "药占比 09–11, 检验检查占比 03–04, 耗材占比 08",
        vital=True,
    ),
    CodeTable(
        ("list_type",),
        "目录类别",
        _codes(
            "101 西药中成药 =药品,西药,中成药\n102 中药饮片 =饮片\n103 自制剂\n104 民族药\n"
            "201 医疗服务项目 =诊疗项目,服务项目,诊疗\n301 医用耗材 =耗材,材料"
        ),
    ),
    CodeTable(
        ("chrgitm_lv",),
        "收费项目等级",
        _codes("01 甲类 =甲,a\n02 乙类 =乙,b\n03 丙类 =丙,自费,c,丙类(自费)"),
    ),
    CodeTable(
        ("fixmedins_type",),
        "定点医疗服务机构类型",
        _codes(
            "1 定点医疗机构 =医疗机构,医院,诊所,卫生室,村卫生室,卫生院,社区卫生服务中心\n"
            "2 定点零售药店 =零售药店,药店,药房,定点药店"
        ),
    ),
    CodeTable(
        ("hosp_lv", "lmt_hosp_lv"),
        "医院等级",
        _codes(HOSPITAL),
        "Rules read the level only: 01–04 is 3, 05–07 is 2, 08–10 is 1, all else (11, 9, blank) none. A level without "
        "甲乙丙 is written as its 乙",
        read_as=("level",),
        vital=True,
    ),
    CodeTable(("medinslv",), "医疗机构等级", _codes("1 一级\n2 二级\n3 三级\n9 未定级")),
    CodeTable(
        ("refd_setl_flag",),
        "退费标志",
        _codes("0 正常 =否,n,no,f,false,结算,收费\n1 退费 =是,y,yes,t,true,退款,红冲,冲正"),
    ),
    CodeTable(("vali_flag",), "有效标志", _codes("0 无效 =否,n,no,f,false,作废,注销\n1 有效 =是,y,yes,t,true,正常")),
    CodeTable(
        (
            "cvlserv_flag",
            "open_24h_flag",
            "sp_drugstore_flag",
            "hi_dr_flag",
            "mul_prac_flag",
            "main_pracins_flag",
            "trum_flag",
            "traf_dept_flag",
            "out_flag",
            "manual_flag",
            "rx_circ_flag",
            "lmt_used_flag",
            "hi_nego_drug_flag",
            "list_sp_item_flag",
            "dscg_tkdrug_flag",
            "trdn_flag",
            "maindiag_flag",
            "resale_risk_flag",
            "infusion_flag",
            "holiday_flag",
            "pension_day_flag",
            "account_topup_day_flag",
            "epidemic_flag",
            "system_cutover_flag",
        ),
        "其余标志",
        _codes("0 否 =n,no,f,false,无\n1 是 =y,yes,t,true,有"),
    ),
    CodeTable(
        ("days_rinp_flag_31",),
        "出院31天内再住院计划",
        _codes("1 无 =否\n2 有 =是"),
        "As on the settlement list: 2 is planned",
    ),
    CodeTable(("er_flag",), "急诊标志", _codes("0 非急诊 =否\n1 急诊 =是\n2 术前门诊检查\n3 择期手术")),
    CodeTable(
        ("dscg_way",),
        "离院方式",
        _codes(
            "1 医嘱离院 =治愈,好转,正常出院\n"
            "2 医嘱转院 =转院\n"
            "3 医嘱转社区 =转社区\n"
            "4 非医嘱离院 =自动出院\n"
            "5 死亡\n"
            "9 其他 =其它"
        ),
    ),
    CodeTable(
        ("adm_way",),
        "入院途径",
        _codes("1 门诊\n2 急诊\n3 其他医疗机构转入 =转入,转院\n9 其他 =其它"),
        "As on the settlement list; the first page of a medical record swaps 1 and 2. Say in the mapping which it is",
    ),
    CodeTable(
        ("diag_type",), "诊断类别", _codes("1 西医诊断 =西医\n2 中医主病诊断 =中医主病\n3 中医主证诊断 =中医主证")
    ),
    CodeTable(("hi_serv_stas",), "医保医师服务状态", _codes("0 正常\n1 暂停")),
    CodeTable(
        (),
        "协议状态 agreement_stas, stas",
        _codes("normal 正常\nsuspended 暂停\nterminated 解除 =终止"),
        "Either word is read, as bureaus write it",
    ),
    CodeTable(
        ("entity_type",),
        "对象类型",
        _codes(
            "admission 就诊 =a,住院,结算\n"
            "person 参保人 =p,人员,个人\n"
            "institution 机构 =i,医院,药店,定点机构\n"
            "doctor 医师 =d,医生,药师\nring 团伙 =r"
        ),
        "The grains, as words or as letters A P I D R",
    ),
    CodeTable(
        ("outcome_code",),
        "核查结论",
        _outcomes(
            OUTCOMES,
            {
                "O1_FRAUD": "欺诈,骗保",
                "O2_IRREGULAR": "confirmed,查实,属实,存在问题,有问题,违规属实",
                "O5_INSUFFICIENT": "inconclusive,不能确认,待定,存疑",
                "O6_CLEAR": "refuted,未查实,不属实,未发现问题,无问题,正常",
            },
        ),
        "O1–O3 teach as confirmed, O6 and O8 as refuted, O4 is its own class, the others are missing, never negative",
    ),
    CodeTable(
        ("result_code",),
        "查床结果",
        _outcomes(
            PRESENCE,
            {
                "B2_IN_HOUSE": "外出检查,检查,检查室,手术,手术室,透析,透析室",
                "B3_LEAVE_OK": "请假",
                "B4_ABSENT": "不在床,不在院,离院",
                "B5_NO_SUCH": "床位不存在",
            },
        ),
        "B4, B5 and B7 confirm, B1–B3 and B9 refute, B6 is a lag, B8 is missing",
    ),
    CodeTable(
        ("violation_class",),
        "三违分类",
        _codes("illegal 违法\nirregular 违规\nbreach 违约\nnone 无\nundetermined 未定"),
    ),
    CodeTable(
        ("insp_type",),
        "检查方式",
        _codes(
            "onsite 实地 =现场,现场检查,实地检查\n"
            "video 监控视频 =视频\n"
            "night 夜间突击 =夜查\n"
            "desk 病历抽审 =书面,病历审核\n"
            "joint 多部门联合 =联合\n"
            "flight 飞行检查 =飞检\n"
            "special 专项 =专项检查\n"
            "lookback 回头看\n"
            "self 自查\n"
            "annual 年度全覆盖 =年度"
        ),
    ),
    CodeTable(
        ("lead_source", "source"),
        "线索来源",
        _codes(
            "model 模型\n"
            "rule 规则\n"
            "random 双随机 =随机,抽查\n"
            "complaint 举报投诉 =举报,投诉,信访\n"
            "supervisor 义务监督员\n"
            "campaign 专项 =专项行动\n"
            "transfer 部门移交 =移交\n"
            "superior 上级交办\n"
            "self_report 自查自纠"
        ),
        "What a random draw found is the only unbiased figure",
    ),
    CodeTable(
        ("move_type",),
        "变动类型",
        _codes(
            "open 盘存 =3501,期初\n"
            "adjust 库存变更 =3502,调整\n"
            "buy 采购 =3503,入库,购进\n"
            "buy_return 采购退货 =3504\n"
            "sell 销售 =3505,出库\n"
            "sell_return 销售退货 =3506\nvoid 删除 =3507"
        ),
    ),
    CodeTable(
        (),
        "备案类型 kind",
        _codes("请假 请假\n异地就医 异地就医 =异地\n转诊 转诊\n长处方 长处方\n家庭病床 家庭病床\n居家护理 居家护理"),
    ),
)

#: Official column → its code set.
OF_COLUMN: dict[str, CodeTable] = {column: table for table in CODE_TABLES for column in table.columns}

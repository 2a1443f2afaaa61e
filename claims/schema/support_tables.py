"""The tables that support claims, each declared once: name, key, how its rows become known, columns
(claims/schema/table.py; contract.md §3)."""

from claims.schema.knowledge import Dated, Dimension, Event
from claims.schema.table import Table, columns

SUPPORT = (
    Table(
        "beds",
        "床位",
        ("fixmedins_code", "bed_ward", "hosp_bed_no"),
        columns("""
            fixmedins_code 定点医药机构编号 code !! =机构编码
            hosp_bed_no 床位号 code !! =床号
            hosp_bed_type 床位类型 code
            bed_ward 病区 code
            hosp_bed_room 病房 code
            hosp_dept_code 科室 code
            inpa_area_code 病区编码 code
            inpa_area_name 病区名称 text
        """),
        knowledge=Dimension(),
    ),
    Table(
        "ward_census",
        "在院统计",
        ("fixmedins_code", "stt_date"),
        columns("""
            fixmedins_code 定点医药机构编号 code !!
            stt_date 统计日期 date !!
            inpt_cnt 在院人数 int
            admit_cnt 入院人数 int
            leave_cnt 出院人数 int
            bed_cnt 床位数 int
        """),
        knowledge=Event("stt_date"),
    ),
    Table(
        "presence_checks",
        "查床记录",
        ("check_id",),
        columns("""
            check_id 查床编号 code
            mdtrt_id 就诊ID code ! ID =就诊号,就诊编号
            fixmedins_code 定点医药机构编号 code + =机构编码
            check_time 查床时间 datetime ! =检查时间
            check_way 查床方式 code
            result_code 查床结果 code
            leave_reason 不在床原因 text HE =离开原因,原因
            evidence_ref 证据编号 text
            checker_1 查床人一 code PR
            checker_2 查床人二 code PR
            source 线索来源 code
            selection_prob 抽中概率 ratio
        """),
        knowledge=Event("check_time"),
        aliases=("查房",),
    ),
    Table(
        "stock_moves",
        "进销存",
        ("move_id",),
        columns("""
            move_id 进销存编号 code !!
            fixmedins_code 定点医药机构编号 code !
            med_list_codg 医疗目录编码 code !
            move_type 变动类型 code !
            cnt 数量 qty !
            pric 单价 price FI
            move_time 变动时间 datetime !
            manu_lotnum 生产批号 code
            supplier_hash 供货商哈希 code
        """),
        knowledge=Event("move_time"),
        aliases=("库存变动",),
    ),
    Table(
        "catalog",
        "目录知识库",
        ("med_list_codg", "begndate"),
        columns("""
            med_list_codg 医疗目录编码 code !! =目录编码,国家编码,项目编码
            name 名称 text =项目名称,目录名称,药品名称
            list_type 目录类别 code
            med_chrgitm_type 医疗收费项目类别 code =收费类别,费用类别
            chrgitm_lv 收费项目等级 code =甲乙类,等级
            pric_uplmt_amt 定价上限金额 price FI =最高限价,限价
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
            mutual_days 互认天数 float =检查检验结果互认天数
            centproc_flag 集采中选标志 code
            begndate 生效日期 date
            enddate 失效日期 date
        """),
        knowledge=Dated("begndate", "enddate"),
        aliases=("医保目录",),
    ),
    Table(
        "chronic_registry",
        "门诊慢特病备案",
        ("psn_no", "opsp_dise_code", "opsp_begndate"),
        columns("""
            psn_no 人员编号 code !! ID
            opsp_dise_code 慢特病病种编码 code !! HE
            opsp_begndate 认定日期 date
            opsp_enddate 终止日期 date
            annual_limit 年度限额 money FI
            reg_org 认定机构 code
            reviewer_origin 评审来源 code
            last_review_date 上次复审日期 date
            review_cycle 复审周期 code
            drug_set_id 用药范围 code
        """),
        knowledge=Dated("opsp_begndate", "opsp_enddate"),
        aliases=("慢特病备案", "门诊慢特病", "慢特病"),
    ),
    Table(
        "inspections",
        "稽核结果",
        ("insp_id", "entity_type", "entity_id", "finding_no"),
        columns("""
            insp_id 稽核编号 code !! =检查编号
            finding_no 结论序号 code
            entity_type 对象类型 code !!
            entity_id 对象编号 code !! ID
            period_begin 检查期起 date
            period_end 检查期止 date
            insp_time 检查时间 datetime ! =检查日期,稽核时间,核查时间,认定时间
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
        """),
        knowledge=Event("insp_time", known=("conclude_time", "insp_time")),
        aliases=("稽核",),
    ),
    Table(
        "operations",
        "手术",
        ("mdtrt_id", "seq"),
        columns("""
            mdtrt_id 就诊ID code !! ID
            seq 序号 code !!
            oprn_oprt_code 手术操作代码 code ! HE
            oprn_oprt_date 手术日期 datetime HE
            oper_dr_code 术者 code PR
            anst_way 麻醉方式 code HE
        """),
        knowledge=Event("oprn_oprt_date", of_visit=True),
    ),
    Table(
        "diagnoses",
        "诊断",
        ("mdtrt_id", "seq"),
        columns("""
            mdtrt_id 就诊ID code !! ID
            seq 序号 code !!
            diag_type 诊断类别 code
            diag_code 诊断编码 code ! HE
            maindiag_flag 主诊断标志 code
        """),
        knowledge=Event(of_visit=True),
    ),
    Table(
        "diagnosis_names",
        "诊断字典",
        ("diag_code",),
        columns("""
            diag_code 诊断编码 code !!
            diag_name 诊断名称 text
        """),
        knowledge=Dimension(),
        aliases=("诊断名称",),
    ),
    Table(
        "agreement_periods",
        "协议状态期",
        ("fixmedins_code", "begndate"),
        columns("""
            fixmedins_code 定点医药机构编号 code !!
            begndate 开始日期 date !!
            stas 状态 code !
            enddate 结束日期 date
            doc_no 文号 code
        """),
        knowledge=Dated("begndate", "enddate"),
    ),
    Table(
        "household_links",
        "家庭关系",
        ("psn_no", "rel_psn_no"),
        columns("""
            psn_no 人员编号 code !! ID
            rel_psn_no 关系人员编号 code !! ID
            relation 关系 code QI
            source 来源 code
        """),
        knowledge=Dimension(),
    ),
    Table(
        "filings",
        "备案",
        ("psn_no", "kind", "begndate"),
        columns("""
            psn_no 人员编号 code !! ID
            kind 备案类型 code !!
            begndate 开始日期 date !!
            enddate 结束日期 date
            org 机构 code
        """),
        knowledge=Dated("begndate", "enddate"),
    ),
    Table(
        "injury_cases",
        "意外伤害案",
        ("case_no",),
        columns("""
            case_no 案号 code !!
            psn_no 人员编号 code ID
            mdtrt_id 就诊ID code ID
            cause 原因 code HE
            place 地点 code
            third_party 第三方 code
            verdict 结论 code
            verdict_date 结论日期 datetime
            investigator_org 调查机构 code
        """),
        knowledge=Event(known=("verdict_date",)),
    ),
    Table(
        "quota",
        "总控指标",
        ("fixmedins_code", "year"),
        columns("""
            fixmedins_code 定点医药机构编号 code !!
            year 年度 code !!
            quota_amt 指标金额 money
            method 付费方式 code
            cap_per_visit 人次定额 money
        """),
        knowledge=Dimension(),
    ),
    Table(
        "equipment",
        "设备",
        ("fixmedins_code", "kind", "begndate"),
        columns("""
            fixmedins_code 定点医药机构编号 code !!
            kind 设备类型 code !!
            count 台数 int
            begndate 启用日期 date
        """),
        knowledge=Dated("begndate"),
    ),
    Table(
        "policy_params",
        "政策参数",
        ("admdvs", "key", "begndate"),
        columns("""
            admdvs 医保区划 code !!
            key 参数 code !!
            begndate 开始日期 date
            value 值 text
            enddate 结束日期 date
            doc_no 文号 code
        """),
        knowledge=Dated("begndate", "enddate"),
    ),
    Table(
        "control_totals",
        "对账总数",
        ("table_name", "month", "fixmedins_code"),
        columns("""
            table_name 表名 code !! =表,数据表
            month 月份 code =年月,结算月份
            fixmedins_code 定点医药机构编号 code =机构编码
            row_cnt 行数 int =记录数,笔数,条数
            psn_cnt 人数 int =人次,参保人数
            medfee_sumamt 医疗费总额 money =总费用,总金额
            fund_pay_sumamt 基金支付总额 money =基金支付
            acct_pay 个人账户支出 money =账户支付,个人账户
            psn_cash_pay 个人现金支出 money =现金支付
        """),
        knowledge=Dimension(),
        aliases=("控制总数", "总控数", "对账"),
    ),
    Table(
        "calendar",
        "日历",
        ("date",),
        columns("""
            date 日期 date !!
            holiday_flag 节假日 code
            pension_day_flag 养老金发放日 code
            account_topup_day_flag 账户划拨日 code
            epidemic_flag 疫情期 code
            system_cutover_flag 系统切换日 code
        """),
        knowledge=Dimension(),
    ),
)

"""What the words in a header mean: many words, one concept. A header is compared by its concepts, not its letters.

One line a concept: ``concept weight words``. Weight 1 tells a column from another; what many columns share (号, 时间)
weighs little, and what says nothing of a column (医保) nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import product

from claims.drafting.pinyin import initials, pinyin

CONCEPTS = """
id 0.3 编号 编码 代码 号码 号 码 流水号 流水 单号 单据号 单据 票据号 序号 标识号 id no code number sn key num
time 0.3 时间 日期 日 时刻 time date datetime dt day
amount 0.3 金额 额 款 amt amount money
flag 0.3 标志 标识 标记 是否 flag
name 0.3 名称 名 name
kind 0.3 类型 类别 类 种类 分类 type kind category class
number 0.3 数 人数 个数 count cnt
pay 0.3 支付 支出 付款 支 pay paid payment
noise 0 医保 医疗 医药 信息 记录 本次 的 实际 系统 国家 国标 本地 基本 医疗保险 保险 状态 情况
noise 0 当前 首次 所属 所在 部分 其中 the of and
person 1 人员 个人 会员 参保人 参保人员 参保者 患者 病人 个人电脑 保险人 person patient member beneficiary psn insured
institution 1 机构 医疗机构 医药机构 定点机构 定点医药机构 定点医疗机构 医院 定点 hospital institution provider org
doctor 1 医师 医生 大夫 doctor physician dr
attending 1 主治 经治 主管 责任 attending
chief 1 主诊 operating
visit 1 就诊 就医 诊次 登记 就诊登记 就医登记 住院登记 visit encounter mdtrt
settle 1 结算 结账 结帐 结费 settle settlement setl bill claim
line 1 明细 费用明细 收费明细 细目 detail line feedetl
original 1 原 被冲 被退 原始 original orig init
refund 1 退费 退款 红冲 冲正 冲销 退 退单 refund refd
insurance 1 险种 保险类型 医保类型 参保类型 险 insurance insutype
personkind 1 人员类别 人员类型 人员性质 参保身份 待遇类别
medkind 1 医疗类别 就诊类型 就医类别 业务类型 诊疗类别 医疗类型 就诊类别 就医类型 就诊方式 就医方式 结算类别 支付类别
certificate 1 证件 身份证 公民身份 身份证件 certificate idcard cert
voucher 1 凭证 就诊凭证 voucher
gender 1 性别 sex gender gend
birth 1 出生 出生年月 生日 birth birthday dob brdy
death 1 死亡 身故 death dod
begin 1 开始 起始 起 入院 入 就诊时间 就医时间 就诊日期 就医日期 begin start admission admit adm from
end 1 结束 终止 止 截止 出院 离院 出 end discharge dscg until finish
occur 1 发生 记账 记帐 计费 收费时间 费用时间 收费日期 费用日期 开具 occur
fee 1 费用 费 收费 医疗费 医疗费用 医药费 fee cost expense charge
total 1 总 总额 合计 总计 total sum sumamt
fund 1 基金 医保支付 医保报销 报销 基金支付 fund reimbursed
pooled 1 统筹 统筹基金 pooled
account 1 账户 帐户 个人账户 个人帐户 个账 个帐 医保账户 account acct
cash 1 现金 个人现金 个人自付 个人支付 个人负担 自付 自负 cash
mutual 1 共济 家庭共济 mulaid
illness 1 大病 大病保险
large 1 大额 大额补助
assistance 1 救助 医疗救助
servant 1 公务员 公务员补助
enterprise 1 企业补充 企业
other 1 其他 其它 other
selfpaid 1 全自费 自费 完全自费 全额自费
overlimit 1 超限价 超限 超限额
firstpaid 1 先行自付 先自付 先行
scope 1 范围 政策范围 政策范围内 范围内 符合政策范围 符合 合规 可报 纳入 政策内
deductible 1 起付线 起付标准 起付 门槛费 门槛 deductible dedc
balance 1 余额 结余 账户余额 balance balc
bed 1 床 床位 床号 床位号 病床 bed
department 1 科室 科 科别 部门 department dept
ward 1 病区 护理单元 ward
room 1 病房 房间 房号 room
diagnosis 1 诊断 疾病 疾病诊断 病名 diagnosis icd dx diag
main 1 主 主要 第一 首要 main principal primary
outpatient 1 门诊 outpatient
disease 1 病种 慢病 慢特病 门慢 门特 特病 特慢病 慢性病 门慢病 disease
item 1 项目 收费项目 药品 item
catalogue 1 目录 医保目录 三目 目录码 list catalogue
price 1 单价 价格 价 price pric
quantity 1 数量 qty quantity
days 1 天数 用药天数 days
level 1 等级 级别 级 level lv
chargekind 1 收费类别 费用类别 收费项目类别 费别 费用类型 项目类别 发票类别 核算类别
itemlevel 1 甲乙类 收费项目等级 项目等级 甲乙丙 收费等级 药品等级
region 1 区划 参保地 地区 行政区 行政区划 统筹区 所属地 admdvs region state
address 1 住址 地址 现住址 居住地 住所 address addr
employer 1 单位 工作单位 用人单位 参保单位 employer emp
phone 1 电话 手机 联系电话 联系方式 手机号 tel phone
identity 1 身份 人员身份 特殊身份 困难身份 救助身份 困难
household 1 家庭 户 household
longitude 1 经度 longitude lng lnt lon
latitude 1 纬度 latitude lat
approved 1 批准 核定 编制 开放 许可 批准床位 核定床位
recognised 1 认可 医保床位
order 1 医嘱 order
prescription 1 处方 prescription rx
billing 1 开单 开具科室 下单 申请 billing
receiving 1 受单 执行 performing
batch 1 批次 批号 batch lot
trace 1 追溯 trac trace
takeaway 1 带药 出院带药
split 1 拆零
remote 1 异地 异地就医 out
way 1 途径 方式 way
readmission 1 再住院 再入院
operation 1 手术 手术操作 术式 operation surgery oprn
nursing 1 护理 nursing
valid 1 有效 vali valid
inspection 1 稽核 检查 核查 稽查 检查结果 insp inspection audit
object 1 对象 entity
period 1 期间 检查期 所属期
scheme 1 违规类型 骗保类型 问题类型 typology
nature 1 性质 违规性质 违法性质 三违
violation 1 违规 违规金额 查实 violation confirmed
recovered 1 追回 追缴 退回 追回金额 追回基金 recovered
finding 1 结论 核查结论 认定 认定结果 核查结果 finding
disposition 1 处理 处置 处理方式 处理结果 disposition
source 1 线索 来源 线索来源
reason 1 原因 事由 reason
check 1 查床 查房 查岗 巡查 check
inbed 1 在床 在床标志 在院在床
absent 1 离床 不在床 离开
service 1 服务
title 1 职称 职务 技术职称 技术职务 专业技术职务
practice 1 执业
multiple 1 多点
credit 1 信用
agreement 1 协议
opened 1 定点开始 定点起始
legal 1 法人 法定代表 法定代表人 法人代表
uniform 1 社会信用 统一社会信用 社会统一信用
area 1 面积 经营面积 营业面积
staffdoctor 1 医师数 医生数 医师人数 医生人数
staffpharmacist 1 药师数 药师人数 药师
staffnurse 1 护士数 护士人数 护士
joined 1 参保日期 参保时间 个人参保
paused 1 暂停 停保
specialist 1 双通道
enrolled 1 参保 参保状态
planned 1 计划
limit 1 限 上限 限价 最高
operator 1 操作员 收费员 经办人 经办 operator
terminal 1 终端
emergency 1 急诊 emergency
injury 1 外伤 意外
third 1 第三方
weight 1 权重
score 1 点数 分值
group 1 组 病组
remark 2 备注 说明 注释 remark note
"""

#: Marks of a unit or a remark behind a header.
BRACKETS = re.compile(r"[（(\[【].*?[)）\]】]")


#: Ways to read a header in pinyin that are followed.
MOST_READINGS = 16


@cache
def _dictionary() -> dict[str, tuple[str, float]]:
    found: dict[str, tuple[str, float]] = {}
    for line in CONCEPTS.strip().splitlines():
        concept, weight, *words = line.split()
        for word in words:
            found.setdefault(word, (concept, float(weight)))
    return found


@cache
def _longest() -> int:
    return max(len(word) for word in _dictionary())


def plain(header: str) -> str:
    """A header in one width and case, without blanks, units and remarks in brackets."""
    return re.sub(r"\s", "", BRACKETS.sub("", unicodedata.normalize("NFKC", header).lower()))


@cache
def tokens(header: str) -> tuple[tuple[str, float], ...]:
    """The concepts of a header in their order, with their weights; a sign of no known word stands for itself."""
    words = _dictionary()
    found: list[tuple[str, float]] = []
    for part in _parts(header):
        if part.isascii():
            found.append(words.get(part, (part, 0.6)))
            continue
        at = 0
        while at < len(part):
            width = next((n for n in range(min(_longest(), len(part) - at), 0, -1) if part[at : at + n] in words), 0)
            found.append(words[part[at : at + width]] if width else (part[at], 0.5))
            at += width or 1
    return tuple(found)


def _parts(header: str) -> list[str]:
    return re.findall(r"[a-z]+|[^\x00-\x7f]+", unicodedata.normalize("NFKC", header).lower())


@cache
def concepts(header: str) -> frozenset[tuple[str, float]]:
    """The concepts of a header that say something."""
    return frozenset(concept for concept in tokens(header) if concept[1])


@cache
def _spelt() -> dict[str, tuple[str, ...]]:
    """Pinyin of the Chinese words → these words, one a concept: 支 and 止 are both zhi. Latin words stand for
    themselves: jiesuanid."""
    found: dict[str, dict[str, str]] = {}
    for word, (concept, _) in _dictionary().items():
        found.setdefault(pinyin(word), {}).setdefault(concept, word)
    return {spelling: tuple(words.values()) for spelling, words in found.items()}


@cache
def readings(header: str) -> tuple[str, ...]:
    """What a header in pinyin may be in Chinese, in the fewest words: jiesuan_riqi is 结算日期, and so is
    jie_suan_ri_qi. Empty where it is neither pinyin of known words nor known words."""
    parts = _parts(header)
    for cut in (parts, ["".join(parts)]):
        found = [""]
        for part in cut:
            told = _in_words(part) if part.isascii() else (part,)
            found = [f"{before} {one}".strip() for before in found for one in told][:MOST_READINGS]
        if any(not f.isascii() for f in found):
            return tuple(found)
    return ()


@cache
def _in_words(part: str) -> tuple[str, ...]:
    """A run of letters as words of fewest number; all choices of words that sound alike."""
    if part in _dictionary():
        return (part,)
    spelt = _spelt()
    least: list[list[tuple[str, ...]]] = [[()]]  # of the first n letters: the shortest ways to say them
    for end in range(1, len(part) + 1):
        ways = [(*way, word) for start in range(end) for word in spelt.get(part[start:end], ()) for way in least[start]]
        fewest = min(map(len, ways), default=0)
        least.append([way for way in ways if len(way) == fewest][:MOST_READINGS])
    return tuple(" ".join(way) for way in least[-1])


@cache
def _initials_of_concepts() -> dict[str, tuple[str, ...]]:
    """Concept → initials of its Chinese words."""
    found: dict[str, set[str]] = {}
    for word, (concept, _) in _dictionary().items():
        if not word.isascii() and len(word) < 5:
            found.setdefault(concept, set()).add(initials(word))
    return {concept: tuple(sorted(spelt)) for concept, spelt in found.items()}


#: Concepts that may stand behind a name or not: 性别, 性别代码.
_BEHIND = ("id", "time", "amount", "flag", "name", "kind", "number")
#: Those that may stand behind the name of a column of a kind, though it has none: dates have no number.
_OF_KIND = {
    **dict.fromkeys(("date", "datetime"), ("time",)),
    **dict.fromkeys(("money", "price"), ("amount",)),
    **dict.fromkeys(("qty", "int", "float", "ratio"), ("number",)),
}
_CODED = ("id", "flag", "name", "kind")
#: What says nothing at the front of an abbreviation: 医保, 医疗, 当前, 首次, 所属, 所在, 本次.
_IDLE = ("yb", "yl", "dq", "sc", "ss", "sz", "bc")


def abbreviations(header: str, kind: str) -> frozenset[str]:
    """Initials of a Chinese name of a column of that kind, with any word of the same meaning at its end: 结算ID → jsid,
    jsdh, jslsh, jsbh …; 科室 of a code → ks, ksbm, ksmc …"""
    words = _dictionary()
    ends = [n for n in range(len(header) - 1, 0, -1) if words.get(header[-n:].lower(), ("",))[0] in _BEHIND]
    tails = _initials_of_concepts()
    if not ends:
        return frozenset(
            initials(header) + end for c in ("", *_OF_KIND.get(kind, _CODED)) for end in tails.get(c, ("",))
        )
    stem, concept = header[: -ends[0]], words[header[-ends[0] :].lower()][0]
    return frozenset({initials(header), initials(stem), *(initials(stem) + end for end in tails[concept])})


def paraphrases(header: str) -> frozenset[str]:
    """Initials of a Chinese name said in other words all over: 结算ID → jzdh, jfbh …"""
    said = [c for c, weight in tokens(header) if weight]
    words = _initials_of_concepts()
    if not said or len(said) > 3:
        return frozenset()
    stem = said[:-1] if said[-1] in _BEHIND and len(said) > 1 else said
    ends = ("", *(e for c in (said[-1:] if stem != said else _BEHIND) for e in words[c]))
    fronts = ["".join(parts) for parts in product(*(words.get(c, (initials(c),)) for c in stem))]
    return frozenset(front + end for front in fronts for end in ends)


def abbreviated(header: str, spelt: frozenset[str]) -> int:
    """How many letters of an ASCII header are one of these abbreviations; 0 if it is none."""
    bare = "".join(c for c in header if c.isalnum())
    tried = [bare, bare[2:]] if bare[:2] in _IDLE else [bare]
    return max((len(t) for t in tried if t in spelt), default=0)


def likeness(local: str, official: str) -> float:
    """How much of what two headers say is the same, 0–1. What the local one says besides counts more against it than
    what it leaves unsaid."""
    right = concepts(official)
    return max(_alike(concepts(told), right) for told in (local, *(readings(local) if local.isascii() else ())))


def _alike(left: frozenset[tuple[str, float]], right: frozenset[tuple[str, float]]) -> float:
    same, more, less = (sum(w for _, w in part) for part in (left & right, left - right, right - left))
    return same / (same + 0.65 * more + 0.45 * less) if same else 0.0

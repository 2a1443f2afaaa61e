"""How Chinese names are written in Latin letters: old systems call 入院日期 ``ruyuan_riqi`` or ``ryrq``.

Only our own words are spelt (concepts, titles, other names), so a table of their characters is enough; none of them
has two readings here. A test holds that no character of theirs is missing.
"""

from __future__ import annotations

from functools import cache

#: A syllable without its tone, then the characters read so.
SYLLABLES = """
an 案 ban 办版 bao 保包报 bei 备被 ben 本 bi 比笔 bian 变编 biao 标表 bie 别 bing 丙病 bo 拨 bu 不补部 cai 采 can 参
cao 操 ce 策 cha 查 chai 拆 chan 产 chao 超 cheng 称 chi 斥 chong 充冲 chou 抽筹 chu 出处 chuang 床窗 ci 次 cun 存
da 大 dai 代带待 dan 单担 dang 当 dao 倒道 de 的 deng 登等 di 地第 dian 典店点电 diao 调 ding 定 dong 动 du 度
duan 断端 dui 对 duo 多 e 额 er 二 fa 发法罚 fan 范 fang 房放方 fei 费 fen 份分 feng 风 fou 否 fu 付复夫服符负
gai 概 gang 岗 gao 高 ge 个格 gong 供公共工 gou 构购 gu 故 guan 关管 gui 规 guo 国果 ha 哈 hai 害 han 含 hao 号
he 合核 hong 红 hu 互户护 hua 划话 huan 患换 hui 会回 huo 货 ji 剂及基急技机济疾积稽级计记际集 jia 价假家甲
jian 件检键间 jiao 缴 jie 截结节 jin 进金 jing 径经 jiu 就救 ju 具居拒据 kai 开 kan 槛 ke 刻可科 kong 控 kou 口扣
ku 库 kuan 款 kuang 况 kun 困 lai 来 lao 老 lei 类 li 例历理离 lian 联 liang 量 liao 疗 ling 零龄 liu 流 lu 录
lun 论 lv 率 ma 码麻 mai 卖 man 慢 men 门 mian 面 min 民 ming 名明 mo 模 mu 目 na 纳 nan 难 nao 脑 nei 内 nian 年
pai 排 pan 判 pi 批 pian 片骗 piao 票 pin 品频 ping 凭评 qi 企其启期起 qian 前 qie 切 qing 情清请 qu 区取 quan 全权
ren 人任认 ri 日 ru 入 san 三 shang 上伤商 she 涉社设 shen 审申身 sheng 生 shi 事使十士失始实室师式时是识释
shou 受手收首 shu 属数术束殊输 shuang 双 shui 水 shuo 说 si 四死 su 溯 suan 算 suo 所索缩 ta 他塌它 tai 台态 tan 谈
te 特 ti 体题 tian 天 tiao 条 ting 停庭 tong 统通 tu 途 tui 退 wai 外 wan 完 wang 亡 wei 位围纬违 wen 文问 wu 务
xi 希息悉系细 xia 下 xian 先现线限险 xiang 象项 xiao 小效销 xie 协 xin 信 xing 型性行 xu 序许 xuan 选 xun 巡 yan 验
yang 养 yao 药要 ye 业液 yi 一乙医已异意疑疫议 yin 因 ying 营 yong 用 you 有由 yu 余遇 yuan 元原员源院 yue 月
zai 再在 zan 暂 ze 则责 zhang 帐账 zhe 折者 zhen 诊 zheng 政正证 zhi 值制址志执指支止治知置职质 zhong 中种终重钟
zhou 周 zhu 主住助嘱注 zhuan 专 zhuang 状装 zhui 追 zhun 准 zi 字自资 zong 总 zu 组 zui 最醉 zuo 作
"""


@cache
def _readings() -> dict[str, str]:
    told = SYLLABLES.split()
    return {sign: syllable for syllable, signs in zip(told[::2], told[1::2], strict=True) for sign in signs}


def syllables(text: str) -> tuple[str, ...]:
    """One spelling a sign: a Chinese character's syllable, a Latin letter or digit itself, of others nothing."""
    held = _readings()
    return tuple(held.get(sign, sign.lower() if sign.isascii() and sign.isalnum() else "") for sign in text)


@cache
def pinyin(text: str) -> str:
    """All syllables: 入院日期 → ruyuanriqi."""
    return "".join(syllables(text))


@cache
def initials(text: str) -> str:
    """First letters: 结算单号 → jsdh."""
    return "".join(s[:1] for s in syllables(text))

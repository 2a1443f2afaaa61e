"""What can be billed and diagnosed in the county: items, price limits, diagnoses, and the menus from which a visit's lines are drawn.

A *menu* is a row of 256 item numbers; drawing a line is one random slot of that row. Heavier items simply own more slots,
so drawing millions of lines is one fancy index. Prices are yuan at the level-2 unit; a unit's own factor is applied later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# name, charge type, yuan, chargeable days a box lasts, tags: r = resale, i = infusion, c = price cut by central buying, 2 = class B
_DRUGS = """苯磺酸氨氯地平片 22 14 c|硝苯地平控释片 38 14 |缬沙坦胶囊 33 14 c|厄贝沙坦片 26 14 c|美托洛尔缓释片 24 14 |二甲双胍片 18 15 c|阿卡波糖片 42 15 c
格列美脲片 36 15 |达格列净片 62 14 r2|西格列汀片 88 14 r2|甘精胰岛素注射液 138 25 r2|门冬胰岛素注射液 82 20 r2|阿托伐他汀片 44 14 c|瑞舒伐他汀片 36 14 c|硫酸氢氯吡格雷片 58 14 rc2
替格瑞洛片 96 14 r2|阿司匹林肠溶片 14 30 |单硝酸异山梨酯片 21 15 |沙美特罗替卡松吸入剂 168 30 r2|噻托溴铵吸入剂 176 30 r2|恩替卡韦片 92 28 rc2|多奈哌齐片 118 14 r2|左旋多巴片 64 15 r2
利培酮片 48 20 c|奥氮平片 66 14 c|丙戊酸钠片 42 20 |来氟米特片 58 20 |骨化三醇胶丸 44 20 r2|碳酸钙D3片 38 30 |非布司他片 72 14 r2|阿莫西林胶囊 14 5 |头孢克肟颗粒 26 5 |头孢丙烯片 29 5 |左氧氟沙星片 23 5
阿奇霉素片 27 4 |奥司他韦胶囊 78 5 |布洛芬缓释胶囊 18 6 |对乙酰氨基酚片 9 5 |氨溴索口服液 21 5 |孟鲁司特钠片 39 10 |氯雷他定片 17 7 |奥美拉唑胶囊 24 10 c|雷贝拉唑片 46 10 2|铝碳酸镁片 28 8 |蒙脱石散 16 4
双歧杆菌胶囊 34 8 |糠酸莫米松乳膏 26 10 |妥布霉素滴眼液 19 10 |玻璃酸钠滴眼液 38 20 |甲钴胺片 27 14 |塞来昔布胶囊 49 8 2|双氯芬酸乳胶剂 33 10 |坦索罗辛胶囊 52 10 |甲硝唑栓 22 7 |叶酸片 12 30 |维生素B族片 16 20"""
_INJECT = """注射用头孢曲松 21 1 i|注射用头孢哌酮舒巴坦 56 1 i2|左氧氟沙星注射液 38 1 i|注射用泮托拉唑 32 1 i|氯化钠注射液 6 1 i|葡萄糖注射液 7 1 i|丹参注射液 29 1 i2|血栓通注射液 46 1 i2
七叶皂苷钠注射液 42 1 i2|依达拉奉注射液 58 1 i2|长春西汀注射液 33 1 i|氨溴索注射液 18 1 i|多索茶碱注射液 34 1 i|胞磷胆碱注射液 26 1 i|呋塞米注射液 5 1 i|低分子肝素注射液 44 1 i|胸腺法新注射液 148 1 i2
奥沙利铂注射液 620 1 i2|紫杉醇注射液 780 1 i2|培美曲塞注射液 960 1 i2|曲妥珠单抗注射液 4980 1 i2|昂丹司琼注射液 62 1 i|人血白蛋白 386 1 i2|甘露醇注射液 14 1 i|复方氨基酸注射液 48 1 i"""
_PATENT = """血塞通软胶囊 46 10 r2|银杏叶片 38 14 |复方丹参滴丸 32 10 |稳心颗粒 41 9 |脑心通胶囊 44 10 r2|通心络胶囊 58 10 r2|六味地黄丸 26 10 |连花清瘟胶囊 19 4 |板蓝根颗粒 16 5 |感冒灵颗粒 18 5 |藿香正气水 14 4
蒲地蓝口服液 46 5 |强力枇杷露 28 6 |云南白药胶囊 42 8 |腰痛宁胶囊 49 8 |独活寄生丸 34 9 |壮骨关节丸 36 9 |保和丸 17 7 |香砂养胃丸 19 7 |益母草颗粒 22 8 |补中益气丸 21 9 |百令胶囊 96 10 r2|金水宝胶囊 62 10 r2|阿胶 398 20 r2|安宫牛黄丸 560 3 r2"""
_HERBS = "黄芪 9 7 |当归 12 7 |党参 14 7 |茯苓 7 7 |白术 8 7 |川芎 8 7 |丹参 7 7 |甘草 4 7 |熟地黄 7 7 |杜仲 6 7 |三七粉 78 10 r|西洋参 96 10 r|枸杞子 12 10 |红花 11 7 "
_SERVICES = """01 普通床位费 35|01 三人间床位费 48|01 监护床位费 90|01 家庭病床建床费 25|02 普通门诊诊察费 12|02 专家门诊诊察费 25|02 住院诊察费 18|12 一般诊疗费 10|13 挂号费 1|07 一级护理 28|07 二级护理 18|07 三级护理 10
07 特级护理 60|07 家庭巡诊护理 40|04 血常规 20|04 尿常规 12|04 肝功能 62|04 肾功能 38|04 血糖 8|04 糖化血红蛋白 68|04 血脂四项 46|04 凝血四项 66|04 心肌酶谱 72|04 电解质 40|04 C反应蛋白 34|04 肿瘤标志物 210
04 乙肝五项 54|04 降钙素原 118|04 甲状腺功能 146|04 血气分析 60|03 心电图 24|03 腹部彩超 92|03 心脏彩超 168|03 胸部CT 230|03 头颅CT 210|03 头颅MRI 480|03 腰椎MRI 460|03 数字化摄影DR 74|03 电子胃镜 260|03 颈部血管彩超 120
03 动态心电图 180|03 肺功能 130|05 静脉输液 9|05 静脉注射 6|05 肌肉注射 4|05 雾化吸入 8|05 氧气吸入 3|05 针刺治疗 28|05 推拿治疗 46|05 中药熏洗 42|05 红外线治疗 16|05 中频脉冲电治疗 24|05 牵引治疗 32|05 灸法 30
05 运动疗法 44|05 偏瘫肢体综合训练 52|05 心理治疗 80|05 血液透析 400|05 腹膜透析换液 70|05 放射治疗 880|05 换药 24|05 导尿 18|05 心电监护 6|05 拔罐 20|05 耳穴压豆 14|05 口腔充填 120|05 清创缝合 140
06 阑尾切除术 1250|06 腹腔镜胆囊切除术 2600|06 疝修补术 1500|06 白内障超声乳化 2100|06 髋关节置换术 4200|06 骨折内固定术 2900|06 内固定取出术 1400|06 子宫肌瘤剔除术 2300|06 剖宫产术 1700|06 阴道分娩 1200
06 经皮冠脉支架植入 4600|06 结肠息肉切除 1100|06 全身麻醉 980|06 椎管内麻醉 620|06 局部浸润麻醉 60|05 病理检查 180|14 救护车费 90"""
_MATERIALS = "一次性注射器 2|输液器 4|留置针 22|敷料 12|导尿包 36|止血材料 240|人工晶体 900|髋关节假体 6800|钢板螺钉 3600|冠脉支架 760|腹腔镜套件 1200|疝补片 1100|透析器 120|超声刀头 1500|吻合器 1900"


#: Injections paid at units of level 2 and above only.
LIMITED = ("丹参注射液", "血栓通注射液", "七叶皂苷钠注射液", "长春西汀注射液", "依达拉奉注射液", "胸腺法新注射液")
INSTEAD = "胞磷胆碱注射液"


@dataclass(frozen=True)
class Items:
    """Item arrays, all of length n."""

    code: npt.NDArray[np.object_]
    name: npt.NDArray[np.object_]
    list_type: npt.NDArray[np.object_]
    charge: npt.NDArray[np.int64]  # 1 … 14
    level: npt.NDArray[np.int64]  # 1 甲, 2 乙, 3 丙
    price: npt.NDArray[np.int64]  # fen
    days: npt.NDArray[np.int64]  # days of supply in a unit, 0 for services
    resale: npt.NDArray[np.bool_]
    infusion: npt.NDArray[np.bool_]
    cut: npt.NDArray[np.bool_]  # central buying lowers the price on the day in the calendar
    limited: npt.NDArray[np.bool_]  # paid from level 2 upwards only
    generic: npt.NDArray[np.object_]
    index: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.index[name]

    def many(self, *names: str) -> list[int]:
        return [self.index[n] for n in names]


def make_items() -> Items:
    """The catalogue. Each oral drug comes from two makers that share one generic code."""
    rows: list[tuple[str, str, int, float, int, str, str]] = []
    for text, list_type, charge in ((_DRUGS, "101", 9), (_INJECT, "101", 9), (_PATENT, "101", 11), (_HERBS, "102", 10)):
        for part in (p for p in text.replace("\n", "|").split("|") if p.strip()):
            bits = part.split()
            tags = bits[3] if len(bits) > 3 else ""
            rows.append(
                (bits[0], list_type, charge, float(bits[1]), int(bits[2]), tags, f"G{charge:02d}{len(rows):04d}")
            )
            if text is _DRUGS:  # a second maker, dearer
                rows.append(
                    (
                        bits[0] + "(乙厂)",
                        list_type,
                        charge,
                        round(float(bits[1]) * 1.35, 1),
                        int(bits[2]),
                        tags,
                        rows[-1][6],
                    )
                )
    for part in _SERVICES.replace("\n", "|").split("|"):
        charge_text, name, price = part.split()
        rows.append((name, "201", int(charge_text), float(price), 0, "", f"S{len(rows):04d}"))
    for part in _MATERIALS.split("|"):
        name, price = part.split()
        rows.append((name, "301", 8, float(price), 0, "2" if float(price) > 500 else "", f"M{len(rows):04d}"))
    rows.append(
        ("经血管介入治疗", "201", 5, 4600.0, 0, "", f"S{len(rows):04d}")
    )  # N22: an operation that stands among treatments
    codes = []
    for i, (_, list_type, charge, _, _, _, _) in enumerate(rows):
        body = f"{(i * 7919 + 104729) % 1_000_000:06d}"
        prefix = {9: "XA", 11: "ZA", 10: "T0", 8: "C0"}.get(charge, "00")
        codes.append(
            f"{prefix}{body}A{i:03d}0100{charge:02d}" if list_type != "201" else f"00{body}{i:04d}000-{charge}"
        )
    level = [2 if "2" in r[5] else 1 for r in rows]
    return Items(
        code=np.array(codes, object), name=np.array([r[0] for r in rows], object), list_type=np.array([r[1] for r in rows], object),
        charge=np.array([r[2] for r in rows]), level=np.array(level), price=np.array([round(r[3] * 100) for r in rows]),
        days=np.array([r[4] for r in rows]), resale=np.array(["r" in r[5] for r in rows]), infusion=np.array(["i" in r[5] for r in rows]),
        cut=np.array(["c" in r[5] for r in rows]), limited=np.isin([r[0] for r in rows], LIMITED), generic=np.array([r[6] for r in rows], object), index={r[0]: i for i, r in enumerate(rows)},
    )  # fmt: skip


#: Who may be given an article, by name: 1 men, 2 women; everybody the rest.
SEX = {
    "坦索罗辛胶囊": 1,
    "益母草颗粒": 2,
    "甲硝唑栓": 2,
    "子宫肌瘤剔除术": 2,
    "剖宫产术": 2,
    "阴道分娩": 2,
}

# code, name, department, kind: o outpatient only, c chronic, i inpatient, m mild enough for outpatient care; sex; ages; weight; LOS; intensity; drugs
_DX = """J06.900 急性上呼吸道感染 A03 om 0 0 99 22 4 .6 resp|J20.900 急性支气管炎 A03 om 0 0 99 10 6 .8 resp|J30.400 变应性鼻炎 A11 o 0 4 70 4 4 .5 allergy|K52.900 胃肠炎 A03 om 0 0 99 6 4 .6 gut|L30.900 湿疹 A13 o 0 0 99 4 4 .5 skin
H10.900 结膜炎 A10 o 0 0 99 3 4 .5 eye|K04.000 牙髓炎 A12 o 0 6 90 3 4 .5 tooth|N76.000 阴道炎 A05 o 2 16 70 3 4 .5 gyn|M54.500 腰痛 A04 om 0 25 99 7 8 .7 pain|R51.x00 头痛 A03 om 0 15 99 4 5 .7 neuro|Z00.000 健康查体 A03 o 0 0 99 2 1 .5 gut
I10.x00 高血压 A03 cm 0 35 99 9 8 .7 cardio|E11.900 2型糖尿病 A03 cm 0 35 99 7 9 .8 diabetes|I25.100 冠心病 A03 cm 0 45 99 6 9 .9 cardio|J44.900 慢阻肺 A03 cm 0 50 99 4 10 .9 copd|I69.300 脑梗死后遗症 A21 cm 0 50 99 4 14 .8 neuro|M06.900 类风湿关节炎 A03 c 0 35 99 2 9 .9 pain
F20.900 精神分裂症 A15 c 0 18 90 1 60 .5 psych|G20.x00 帕金森病 A03 c 0 55 99 1 10 .8 neuro|B18.100 慢性乙型肝炎 A16 c 0 25 80 2 12 1 liver|N18.900 慢性肾脏病 A03 c 0 35 99 1 11 1.1 kidney|N40.x00 前列腺增生 A04 cm 1 50 99 3 8 .9 uro
J18.900 肺炎 A03 i 0 0 99 9 9 1.1 resp|I63.900 脑梗死 A03 i 0 45 99 8 12 1.3 neuro|I67.800 脑供血不足 A03 im 0 45 99 6 8 .8 neuro|I20.000 不稳定型心绞痛 A03 i 0 45 99 6 8 1.2 cardio|I50.900 心力衰竭 A03 i 0 55 99 4 9 1.1 cardio|J44.100 慢阻肺急性加重 A03 i 0 50 99 6 10 1.1 copd
M51.200 腰椎间盘突出 A21 im 0 28 99 7 10 .8 pain|E11.700 糖尿病伴并发症 A03 im 0 40 99 6 10 .9 diabetes|K29.500 慢性胃炎 A03 m 0 25 99 5 7 .8 gut|K80.200 胆囊结石 A04 i 0 25 90 3 8 1.4 gut|K35.800 急性阑尾炎 A04 i 0 6 80 2 6 1.1 gut|K40.900 腹股沟疝 A04 i 1 3 90 2 6 1.2 gut
S72.000 股骨颈骨折 A04 i 0 55 99 1.4 14 2 trauma|S82.200 胫骨骨折 A04 i 0 10 90 1.6 12 1.6 trauma|S06.000 脑震荡 A04 i 0 5 90 1.6 7 .9 trauma|T14.900 软组织损伤 A04 im 0 5 90 1.6 6 .7 trauma|H25.900 老年性白内障 A10 i 0 55 99 3 2 1.3 eye|N20.000 肾结石 A04 i 0 25 80 2 7 1.1 uro
D25.900 子宫平滑肌瘤 A05 i 2 28 58 1.6 9 1.3 gyn|O80.x00 顺产 A05 i 2 20 42 2 4 .8 birth|O82.x00 剖宫产 A05 i 2 20 43 1.6 6 1.2 birth|P59.900 新生儿黄疸 A07 i 0 0 0 .6 5 .9 birth|Z51.102 恶性肿瘤维持性化学治疗 A19 i 0 30 85 0 4 1.4 chemo|Z51.000 放射治疗 A19 i 0 30 85 0 20 1.3 chemo
Z47.000 取除骨折内固定装置 A04 i 0 15 80 0 7 1.1 trauma|Z50.100 康复治疗 A21 i 0 35 99 2 18 .8 rehab|Z49.101 血液透析 A03 c 0 25 90 0 1 1 dialysis|A05.900 细菌性食物中毒 A03 i 0 4 80 0 3 .7 gut|J10.100 流行性感冒 A03 im 0 0 99 0 5 .8 resp|C34.900 肺恶性肿瘤 A19 i 0 40 90 .8 12 1.9 chemo"""


@dataclass(frozen=True)
class Diagnoses:
    code: npt.NDArray[np.object_]
    name: npt.NDArray[np.object_]
    dept: npt.NDArray[np.object_]
    kind: npt.NDArray[np.object_]
    sex: Ints
    age_min: Ints
    age_max: Ints
    weight: npt.NDArray[np.float64]
    los: npt.NDArray[np.float64]
    intensity: npt.NDArray[np.float64]
    menu: npt.NDArray[np.object_]
    index: dict[str, int]

    def __getitem__(self, code: str) -> int:
        return self.index[code]


def make_diagnoses() -> Diagnoses:
    rows = [p.split() for p in _DX.replace("\n", "|").split("|")]
    col = list(zip(*rows, strict=True))
    text = [np.array(c, object) for c in col]
    num = [np.array([float(x) for x in c]) for c in (col[4], col[5], col[6], col[7], col[8], col[9])]
    return Diagnoses(text[0], text[1], text[2], text[3], num[0].astype(int), num[1].astype(int), num[2].astype(int), num[3], num[4], num[5], text[10],
                     {c: i for i, c in enumerate(col[0])})  # fmt: skip


_FAMILY = {
    "resp": "阿莫西林胶囊 头孢克肟颗粒 头孢丙烯片 阿奇霉素片 布洛芬缓释胶囊 对乙酰氨基酚片 氨溴索口服液 连花清瘟胶囊 板蓝根颗粒 感冒灵颗粒 蒲地蓝口服液 强力枇杷露 孟鲁司特钠片",
    "allergy": "氯雷他定片 孟鲁司特钠片 糠酸莫米松乳膏", "gut": "奥美拉唑胶囊 雷贝拉唑片 铝碳酸镁片 蒙脱石散 双歧杆菌胶囊 保和丸 香砂养胃丸 藿香正气水",
    "skin": "糠酸莫米松乳膏 氯雷他定片", "eye": "妥布霉素滴眼液 玻璃酸钠滴眼液", "tooth": "甲硝唑栓 布洛芬缓释胶囊 阿莫西林胶囊", "gyn": "甲硝唑栓 益母草颗粒 叶酸片",
    "pain": "塞来昔布胶囊 双氯芬酸乳胶剂 腰痛宁胶囊 独活寄生丸 壮骨关节丸 甲钴胺片 云南白药胶囊 来氟米特片", "neuro": "阿司匹林肠溶片 阿托伐他汀片 硫酸氢氯吡格雷片 甲钴胺片 血塞通软胶囊 银杏叶片 脑心通胶囊 多奈哌齐片 左旋多巴片",
    "cardio": "苯磺酸氨氯地平片 硝苯地平控释片 缬沙坦胶囊 厄贝沙坦片 美托洛尔缓释片 阿托伐他汀片 瑞舒伐他汀片 阿司匹林肠溶片 单硝酸异山梨酯片 复方丹参滴丸 稳心颗粒 通心络胶囊 硫酸氢氯吡格雷片 替格瑞洛片",
    "diabetes": "二甲双胍片 阿卡波糖片 格列美脲片 达格列净片 西格列汀片 甘精胰岛素注射液 门冬胰岛素注射液 阿托伐他汀片 甲钴胺片", "copd": "沙美特罗替卡松吸入剂 噻托溴铵吸入剂 孟鲁司特钠片 氨溴索口服液 百令胶囊",
    "psych": "利培酮片 奥氮平片 丙戊酸钠片", "liver": "恩替卡韦片 双歧杆菌胶囊", "kidney": "骨化三醇胶丸 碳酸钙D3片 百令胶囊 金水宝胶囊 非布司他片", "uro": "坦索罗辛胶囊 左氧氟沙星片", "trauma": "云南白药胶囊 塞来昔布胶囊 碳酸钙D3片",
    "birth": "叶酸片 益母草颗粒", "chemo": "维生素B族片 双歧杆菌胶囊 百令胶囊", "rehab": "甲钴胺片 血塞通软胶囊 银杏叶片 独活寄生丸", "dialysis": "骨化三醇胶丸 碳酸钙D3片 硝苯地平控释片",
    "shop": "感冒灵颗粒 板蓝根颗粒 布洛芬缓释胶囊 连花清瘟胶囊 六味地黄丸 维生素B族片 碳酸钙D3片 复方丹参滴丸 阿莫西林胶囊 氯雷他定片 双氯芬酸乳胶剂 苯磺酸氨氯地平片 二甲双胍片 阿司匹林肠溶片 香砂养胃丸 补中益气丸 玻璃酸钠滴眼液 藿香正气水 蒙脱石散 西洋参 枸杞子 三七粉",
    "costly": "阿胶 安宫牛黄丸 西洋参 三七粉 百令胶囊 金水宝胶囊", "resale": "硫酸氢氯吡格雷片 替格瑞洛片 达格列净片 西格列汀片 甘精胰岛素注射液 沙美特罗替卡松吸入剂 噻托溴铵吸入剂 恩替卡韦片 多奈哌齐片 血塞通软胶囊 通心络胶囊 脑心通胶囊 百令胶囊 金水宝胶囊",
    "herbs": "黄芪 当归 党参 茯苓 白术 川芎 丹参 甘草 熟地黄 杜仲 红花",
}  # fmt: skip
_WARD = {
    "resp": "注射用头孢曲松 注射用头孢哌酮舒巴坦 左氧氟沙星注射液 氨溴索注射液 多索茶碱注射液 氯化钠注射液 葡萄糖注射液", "copd": "注射用头孢哌酮舒巴坦 多索茶碱注射液 氨溴索注射液 氯化钠注射液",
    "neuro": "依达拉奉注射液 血栓通注射液 丹参注射液 长春西汀注射液 胞磷胆碱注射液 氯化钠注射液 甘露醇注射液", "cardio": "丹参注射液 低分子肝素注射液 呋塞米注射液 葡萄糖注射液 血栓通注射液",
    "diabetes": "门冬胰岛素注射液 氯化钠注射液 血栓通注射液 长春西汀注射液", "pain": "七叶皂苷钠注射液 氯化钠注射液 丹参注射液", "chemo": "奥沙利铂注射液 紫杉醇注射液 昂丹司琼注射液 注射用泮托拉唑 复方氨基酸注射液 培美曲塞注射液 氯化钠注射液 昂丹司琼注射液 葡萄糖注射液 胸腺法新注射液",
    "gut": "注射用泮托拉唑 左氧氟沙星注射液 葡萄糖注射液 氯化钠注射液 复方氨基酸注射液", "trauma": "七叶皂苷钠注射液 注射用头孢曲松 低分子肝素注射液 氯化钠注射液", "psych": "利培酮片 奥氮平片 丙戊酸钠片", "rehab": "胞磷胆碱注射液 丹参注射液 甲钴胺片",
}  # fmt: skip
_OTHER = {
    "lab": "血常规 血常规 尿常规 肝功能 肾功能 血糖 血脂四项 凝血四项 心肌酶谱 电解质 C反应蛋白 乙肝五项 甲状腺功能 糖化血红蛋白 降钙素原", "exam": "心电图 心电图 腹部彩超 心脏彩超 胸部CT 头颅CT 数字化摄影DR 颈部血管彩超 头颅MRI 动态心电图 肺功能",
    "treat": "针刺治疗 推拿治疗 红外线治疗 中频脉冲电治疗 牵引治疗 灸法 拔罐 耳穴压豆 中药熏洗", "care": "静脉输液 静脉输液 静脉注射 雾化吸入 氧气吸入 心电监护 肌肉注射", "rehabcare": "运动疗法 偏瘫肢体综合训练 针刺治疗 中频脉冲电治疗 推拿治疗",
    "mind": "心理治疗 红外线治疗", "supply": "一次性注射器 输液器 留置针 敷料", "opvisit": "普通门诊诊察费 普通门诊诊察费 普通门诊诊察费 专家门诊诊察费", "village": "一般诊疗费", "optest": "血常规 血常规 尿常规 血糖 心电图 腹部彩超 数字化摄影DR C反应蛋白 胸部CT 肝功能 血脂四项",
    "injury": "清创缝合 换药 数字化摄影DR 头颅CT 肌肉注射", "bigexam": "头颅MRI 腰椎MRI 心脏彩超 胸部CT 动态心电图 电子胃镜",
}  # fmt: skip


@dataclass(frozen=True)
class Menus:
    """`slots[menu, 256]` item numbers; `index` by name: oral families, `ward:` injections, and service groups."""

    slots: npt.NDArray[np.int16]
    index: dict[str, int]

    def __getitem__(self, name: str) -> int:
        return self.index[name]


def make_menus(items: Items) -> Menus:
    rng = np.random.default_rng(20210501)  # the menus are part of the medical world, equal in every county
    names: dict[str, str] = {**_FAMILY, **{f"ward:{k}": v for k, v in _WARD.items()}, **_OTHER}
    for family, text in _FAMILY.items():
        names.setdefault(f"ward:{family}", "注射用头孢曲松 氯化钠注射液 葡萄糖注射液 注射用泮托拉唑 " + text)
    slots = np.zeros((len(names), 256), np.int16)
    for i, text in enumerate(names.values()):
        ids = []
        for word in text.split():
            ids += [items[word]] * 2 + ([items[word + "(乙厂)"]] if word + "(乙厂)" in items.index else [])
        weight = rng.gamma(1.2, size=len(ids)) + 0.25
        slots[i] = np.array(ids)[
            np.searchsorted(np.cumsum(weight / weight.sum()), (np.arange(256) + 0.5) / 256.0).clip(0, len(ids) - 1)
        ]
    return Menus(slots, {k: i for i, k in enumerate(names)})

"""Departments by their code: 医疗机构诊疗科目名录 (卫医发〔1994〕27号; 27 疼痛科 2007, 28 重症医学科 2009), as the
settlement sheet writes it, with an A before the number: A03.01.

Shown after what tells a diagnosis was covered (claims/schema/sensitive.py goes by the codes). Of 口腔科 and of numbers
that no line here has, only the department above is named: its subdivision was made anew in 2010 under the same numbers.
"""

from __future__ import annotations

import re
from typing import Final

_LIST: Final = """
01 预防保健科
02 全科医疗科
03 内科 呼吸内科专业 消化内科专业 神经内科专业 心血管内科专业 血液内科专业 肾病学专业 内分泌专业 免疫学专业
  变态反应专业 老年病专业 其他
04 外科 普通外科专业 神经外科专业 骨科专业 泌尿外科专业 胸外科专业 心脏大血管外科专业 烧伤科专业
  整形外科专业 其他
05 妇产科 妇科专业 产科专业 计划生育专业 优生学专业 生殖健康与不孕症专业 其他
06 妇女保健科 青春期保健专业 围产期保健专业 更年期保健专业 妇女心理卫生专业 妇女营养专业 其他
07 儿科 新生儿专业 小儿传染病专业 小儿消化专业 小儿呼吸专业 小儿心脏病专业 小儿肾病专业 小儿血液病专业
  小儿神经病学专业 小儿内分泌专业 小儿遗传病专业 小儿免疫专业 其他
08 小儿外科 小儿普通外科专业 小儿骨科专业 小儿泌尿外科专业 小儿胸心外科专业 小儿神经外科专业 其他
09 儿童保健科 儿童生长发育专业 儿童营养专业 儿童心理卫生专业 儿童五官保健专业 儿童康复专业 其他
10 眼科
11 耳鼻咽喉科 耳科专业 鼻科专业 咽喉科专业 其他
12 口腔科
13 皮肤科 皮肤病专业 性传播疾病专业 其他
14 医疗美容科
15 精神科 精神病专业 精神卫生专业 药物依赖专业 精神康复专业 社区防治专业 临床心理专业 司法精神专业 其他
16 传染科 肠道传染病专业 呼吸道传染病专业 肝炎专业 虫媒传染病专业 动物源性传染病专业 蠕虫病专业 其他
17 结核病科
18 地方病科
19 肿瘤科
20 急诊医学科
21 康复医学科
22 运动医学科
23 职业病科 职业中毒专业 尘肺专业 放射病专业 物理因素损伤专业 职业健康监护专业 其他
24 临终关怀科
25 特种医学与军事医学科
26 麻醉科
27 疼痛科
28 重症医学科
30 医学检验科 临床体液、血液专业 临床微生物学专业 临床生化检验专业 临床免疫、血清学专业 其他
31 病理科
32 医学影像科 X线诊断专业 CT诊断专业 磁共振成像诊断专业 核医学专业 超声诊断专业 心电诊断专业
  脑电及脑血流图诊断专业 神经肌肉电图专业 介入放射学专业 放射治疗专业 其他
50 中医科 内科专业 外科专业 妇产科专业 儿科专业 皮肤科专业 眼科专业 耳鼻咽喉科专业 口腔科专业 肿瘤科专业
  骨伤科专业 肛肠科专业 老年病科专业 针灸科专业 推拿科专业 康复医学专业 急诊科专业 预防保健科专业 其他
51 民族医学科 维吾尔医学 藏医学 蒙医学 彝医学 傣医学 其他
52 中西医结合科
"""


def _names() -> dict[str, str]:
    """Code → name; of a subdivision after its department's: 中医科针灸科专业 is no 针灸科 of its own."""
    found = {}
    for line in _LIST.replace("\n ", "").strip().splitlines():
        number, name, *parts = line.split()
        found[f"A{number}"] = name
        found |= {f"A{number}.{i:02d}": f"{name}·{part}" for i, part in enumerate(parts, start=1)}
    return found


DEPARTMENTS: Final = _names()
_OF_THE_LIST: Final = re.compile(r"A?[0-9]{2}(\.[0-9]{1,2})+|A[0-9]{2}")
"""What a code of the list looks like, with its letter or a subdivision; two bare digits may be anybody's."""
_WORDS: Final = re.compile(r"[^\x00-\x7f]")


def department(written: str) -> str:
    """A department or ward as it is shown: a name as it stands; a code of the list with its name; another of its form
    as 科室代码, any other as 院内代码."""
    code = written.strip()
    if not code or _WORDS.search(code):
        return code
    known = DEPARTMENTS.get(code.upper()) or DEPARTMENTS.get(code.upper().split(".")[0])
    if known:
        return f"{known}（{code}）"
    return f"{'科室代码' if _OF_THE_LIST.fullmatch(code.upper()) else '院内代码'} {code}"

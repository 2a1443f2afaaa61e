"""What a unit does in a year: how much, for how many, how evenly, of what kind. Context: nobody is suspect by it.

How it works: windows of a month to half a year see what changes, and forget what a unit is. Where much has been
confirmed, the size of a unit, what it takes a day and how far its dearest cases stand apart tell more than any trace.
What it leaves: sums, means, maxima and shares of a year over every settlement and every finished stay, however few.
In the first year of a warehouse a sum is that of the time there is, the same for every unit of an as-of; models read
its place among all units (Matrix.places), which does not grow with the warehouse.
Honest cases: whatever is asked of a large, a specialised or the only hospital (N21, N22, N30).
"""

from features.catalog.institutions import BOOK, DISCHARGED
from features.codes import CHRONIC
from features.declare import Feature, declare
from features.wording import above

book = Feature(
    grain="institution",
    kind="context",
    by="institution",
    family="year",
    windows=(365,),
    worse="either",
    rows=BOOK,
    empty=None,
    innocent="规模和业务结构本身不是疑点（N21、N22、N30）",
)


def _spread(amount: str, per: str = "1.0") -> str:
    """SQL: standard deviation of `amount` as a share of its mean, how unlike one another the cases are."""
    return f"stddev_pop({amount} / {per}) / nullif(avg({amount} / {per}), 0)"


declare(
    book,
    name="year_settlements",
    label="全年结算次数",
    unit="次",
    measure="count(*)",
    reason="近一年结算{value}次" + above("次"),
)
declare(
    book,
    name="year_people",
    label="全年服务人数",
    unit="人",
    measure="count(DISTINCT psn_no)",
    reason="近一年服务{value}人" + above("人"),
)
declare(
    book,
    name="year_yuan",
    label="全年医疗总费用",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="近一年医疗总费用{value}元" + above("元"),
)
declare(
    book,
    name="year_fund_yuan",
    label="全年基金支付",
    unit="元",
    measure="sum(fund_fen) / 100.0",
    reason="近一年基金支付{value}元" + above("元"),
)
declare(
    book,
    name="year_fund_share",
    label="全年基金支付占比",
    unit="%",
    measure="sum(fund_fen) / nullif(sum(fen), 0)",
    reason="近一年基金支付占总费用{value}" + above(),
)
declare(
    book,
    name="year_mean_yuan",
    label="全年次均费用",
    unit="元",
    measure="avg(fen) / 100.0",
    reason="近一年次均费用{value}元" + above("元"),
)
declare(
    book,
    name="year_most_yuan",
    label="全年单次最高费用",
    unit="元",
    measure="max(fen) / 100.0",
    reason="近一年单次最高费用{value}元" + above("元"),
)
declare(
    book,
    name="year_yuan_spread",
    label="全年次均费用离散度",
    measure=_spread("fen"),
    reason="近一年各次费用的离散系数{value}" + above(),
)
declare(
    book,
    name="year_person_yuan",
    label="全年人均费用",
    unit="元",
    measure="sum(fen) / 100.0 / nullif(count(DISTINCT psn_no), 0)",
    reason="近一年人均费用{value}元" + above("元"),
)
declare(
    book,
    name="year_times_per_person",
    label="全年人均次数",
    unit="次",
    measure="count(*) / nullif(count(DISTINCT psn_no), 0)",
    reason="近一年每人平均{value}次" + above("次"),
)
declare(
    book,
    name="year_one_person_share",
    label="全年次数最多一人占比",
    unit="%",
    measure="list_max(map_values(histogram(psn_no))) / count(*)",
    reason="近一年次数最多的一人占{value}" + above(),
)
declare(
    book,
    name="year_days_open",
    label="全年有结算天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="近一年有{value}天发生结算" + above("天"),
)
declare(
    book,
    name="year_ward_share",
    label="全年住院占比",
    unit="%",
    measure="avg(ward::INT)",
    reason="近一年结算中住院占{value}" + above(),
)
declare(
    book,
    name="year_chronic_share",
    label="全年慢特病占比",
    unit="%",
    measure=f"avg(coalesce(visit_class IN {CHRONIC}, false)::INT)",
    reason="近一年结算中门诊慢特病占{value}" + above(),
)
declare(
    book,
    name="year_half_change",
    label="后半年与前半年次数之比",
    unit="倍",
    measure="""
        CASE
            WHEN count(*) FILTER (WHERE days_ago >= 182) >= 5
                THEN count(*) FILTER (WHERE days_ago < 182) / count(*) FILTER (WHERE days_ago >= 182)
        END
    """,
    reason="近半年结算次数为前半年的{value}倍" + above("倍"),
)

stays = Feature(
    grain="institution",
    kind="context",
    by="institution",
    family="year",
    windows=(365,),
    worse="either",
    rows=DISCHARGED,
    empty=None,
    innocent="规模和收治病种本身不是疑点（N21、N22、N30）",
)
declare(
    stays,
    name="year_stays",
    label="全年出院人次",
    unit="人次",
    measure="count(*)",
    reason="近一年出院{value}人次" + above("人次"),
)
declare(
    stays,
    name="year_nights",
    label="全年住院夜数",
    unit="夜",
    measure="sum(nights)",
    reason="近一年住院合计{value}夜" + above("夜"),
)
declare(
    stays,
    name="year_mean_nights",
    label="全年平均住院夜数",
    unit="夜",
    measure="avg(nights)",
    reason="近一年平均住院{value}夜" + above("夜"),
)
declare(
    stays,
    name="year_most_nights",
    label="全年最长住院夜数",
    unit="夜",
    measure="max(nights)",
    reason="近一年最长一次住院{value}夜" + above("夜"),
)
declare(
    stays,
    name="year_nights_spread",
    label="全年住院夜数离散度",
    measure=_spread("nights"),
    reason="近一年住院夜数的离散系数{value}" + above(),
)
declare(
    stays,
    name="year_stay_yuan",
    label="全年住院次均费用",
    unit="元",
    measure="avg(fen) / 100.0",
    reason="近一年住院次均费用{value}元" + above("元"),
)
declare(
    stays,
    name="year_stay_most_yuan",
    label="全年单次住院最高费用",
    unit="元",
    measure="max(fen) / 100.0",
    reason="近一年单次住院最高费用{value}元" + above("元"),
)
declare(
    stays,
    name="year_day_yuan",
    label="全年每住院日费用",
    unit="元",
    measure="sum(fen) / 100.0 / nullif(sum(nights + 1), 0)",
    reason="近一年每个住院日费用{value}元" + above("元"),
)
declare(
    stays,
    name="year_day_mean_yuan",
    label="全年各次住院日均费用的均值",
    unit="元",
    measure="avg(fen / (nights + 1)) / 100.0",
    reason="近一年各次住院日均费用平均{value}元" + above("元"),
)
declare(
    stays,
    name="year_day_most_yuan",
    label="全年最高住院日均费用",
    unit="元",
    measure="max(fen / (nights + 1)) / 100.0",
    reason="近一年住院日均费用最高一次{value}元" + above("元"),
)
declare(
    stays,
    name="year_day_spread",
    label="全年住院日均费用离散度",
    measure=_spread("fen", "(nights + 1)"),
    reason="近一年住院日均费用的离散系数{value}" + above(),
)
declare(
    stays,
    name="year_stay_people",
    label="全年住院人数",
    unit="人",
    measure="count(DISTINCT psn_no)",
    reason="近一年收治{value}人" + above("人"),
)
declare(
    stays,
    name="year_stays_per_person",
    label="全年人均住院次数",
    unit="次",
    measure="count(*) / nullif(count(DISTINCT psn_no), 0)",
    reason="近一年每名住院患者平均住院{value}次" + above("次"),
)
declare(
    stays,
    name="year_doctors",
    label="全年主治医师人数",
    unit="人",
    measure="count(DISTINCT atddr_no)",
    reason="近一年有{value}名主治医师" + above("人"),
)
declare(
    stays,
    name="year_stays_per_doctor",
    label="全年医师人均出院人次",
    unit="人次",
    measure="count(atddr_no) / nullif(count(DISTINCT atddr_no), 0)",
    reason="近一年每名医师平均出院{value}人次" + above("人次"),
)
declare(
    stays,
    name="year_one_doctor_share",
    label="全年最忙医师占比",
    unit="%",
    measure="list_max(map_values(histogram(atddr_no))) / nullif(count(atddr_no), 0)",
    reason="近一年出院最多的一名医师占{value}" + above(),
)
declare(
    stays,
    name="year_diagnoses",
    label="全年主要诊断种数",
    unit="种",
    measure="count(DISTINCT dx3)",
    reason="近一年收治{value}种主要诊断" + above("种"),
)
declare(
    stays,
    name="year_one_diagnosis_share",
    label="全年最多诊断占比",
    unit="%",
    measure="list_max(map_values(histogram(dx3))) / nullif(count(dx3), 0)",
    reason="近一年最常见的诊断占{value}" + above(),
)
declare(
    stays,
    name="year_operated_share",
    label="全年手术患者占比",
    unit="%",
    measure="avg((oprn_oprt_code IS NOT NULL)::INT)",
    reason="近一年出院患者中有手术操作的占{value}" + above(),
)
declare(
    stays,
    name="year_deductible_yuan",
    label="全年次均起付线",
    unit="元",
    measure="avg(coalesce(dedc_fen, 0)) / 100.0",
    reason="近一年住院实付起付线次均{value}元" + above("元"),
)
declare(
    stays,
    name="year_no_deductible_share",
    label="全年未付起付线占比",
    unit="%",
    measure="avg((coalesce(dedc_fen, 0) = 0)::INT)",
    reason="近一年住院未付起付线的占{value}" + above(),
)
declare(
    stays,
    name="year_patient_age",
    label="全年住院患者平均年龄",
    unit="岁",
    measure="avg(age)",
    reason="近一年住院患者平均年龄{value}岁" + above("岁"),
)
declare(
    stays,
    name="year_stay_half_change",
    label="后半年与前半年出院之比",
    unit="倍",
    measure="""
        CASE
            WHEN count(*) FILTER (WHERE days_ago >= 182) >= 5
                THEN count(*) FILTER (WHERE days_ago < 182) / count(*) FILTER (WHERE days_ago >= 182)
        END
    """,
    reason="近半年出院人次为前半年的{value}倍" + above("倍"),
)

"""T01 挂床住院 ghost bed: what the ward's own papers say.

How it works: more patients are admitted than there are beds to lie in, or leave covers who is never there.
What it leaves: a bed number two people share; leave without limit.
Honest cases: infants beside their mothers (N12), blank or reused bed codes, changes of bed nobody wrote down (N35),
approved leave (N19).
"""

from features.catalog.stay_rows import HOME_BEDS, HOSPITAL, STAY
from features.codes import (
    EXTRA_BED,
    LEAVE,
    NO_BED,
)
from features.declare import Feature, Of, declare

#: Somebody else in the same bed of the same department for a night. Infants beside their mothers (N12), blank bed codes
#: and extra beds, which share a code (N35), are left out.
SHARED_BED = f"""
    SELECT
        $entity AS entity_id, greatest(s.begntime, o.begntime) AS happened_at,
        'visits' AS row_table, o.mdtrt_id AS row_id, s.bed, s.dept, o.psn_no, s.mdtrt_id AS stay_id,
        coalesce(s.fund_fen, 0) AS own_fund_fen,
        date_diff('day', greatest(s.adm_date, o.adm_date), least(s.end_date, o.end_date)) AS nights_shared,
        coalesce(o.fund_fen, 0) AS fen
    FROM stays s
    JOIN stays o
        ON o.fixmedins_code = s.fixmedins_code
        AND o.bed = s.bed
        AND coalesce(o.dept, '') = coalesce(s.dept, '')
        AND o.psn_no <> s.psn_no
        AND o.adm_date < s.end_date
        AND s.adm_date < o.end_date
    ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = s.mdtrt_id
    ANTI JOIN ({HOME_BEDS}) k ON k.mdtrt_id = o.mdtrt_id
    LEFT JOIN main.persons a ON a.psn_no = s.psn_no
    LEFT JOIN main.persons b ON b.psn_no = o.psn_no
    WHERE s.bed IS NOT NULL
        AND s.bed NOT IN {NO_BED}
        AND NOT regexp_matches(s.bed, {EXTRA_BED})
        AND coalesce(a.age, 99) > 0
        AND coalesce(b.age, 99) > 0
        AND NOT s.day_surgery
        AND NOT o.day_surgery
"""

bed = Feature(
    told_of={"admission": Of(STAY)},
    scheme="T01",
    by="institution",
    windows=(0,),
    rows=SHARED_BED,
    needs=("visits.adm_bed",),
)

declare(
    bed,
    name="shared_bed_nights",
    label="与他人同床重叠夜数",
    unit="夜",
    measure="sum(nights_shared)",
    reason="同一科室同一床号与别人重叠{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="换床未登记、加床共用床号、母婴同室（N12、N35）",
)

declare(
    bed,
    name="shared_bed_persons",
    label="同床重叠人数",
    unit="人",
    measure="count(DISTINCT psn_no)",
    reason="住院期间同一床位还登记着{value}人（同类中位{peer}人，高于{percentile}的同类）",
    innocent="换床未登记、加床共用床号（N35）",
)

#: Leaves on file during the stay: `days` are the nights away, `days_of_leave` the days on the leave's paper, both ends
#: (R20 judges these).
LEAVES = f"""
    SELECT
        s.mdtrt_id AS entity_id, f.begndate::TIMESTAMP AS happened_at, 'filings' AS row_table,
        f.psn_no || '|' || f.kind || '|' || f.begndate AS row_id,
        date_diff(
            'day',
            greatest(f.begndate, s.adm_date),
            least(coalesce(f.enddate, s.end_date), s.end_date)
        ) AS days,
        date_diff(
            'day',
            greatest(f.begndate, s.adm_date),
            least(coalesce(f.enddate, s.end_date), s.end_date)
        ) + 1 AS days_of_leave,
        s.bed_days
    FROM stays s
    JOIN main.filings f
        ON f.psn_no = s.psn_no
        AND f.kind = {LEAVE}
        AND f.begndate <= s.end_date
        AND coalesce(f.enddate, s.end_date) >= s.adm_date
"""

declare(
    name="leave_day_share",
    label="请假天数占比",
    unit="%",
    grain="admission",
    scheme="T01",
    by="person",
    windows=(0,),
    rows=LEAVES,
    measure="sum(days) / max(bed_days)",
    needs=("filings",),
    reason="住院天数中{value}在请假（同类中位{peer}，高于{percentile}的同类）",
    innocent="经批准的短暂离院（N19）",
)

declare(
    name="inst_shared_bed_nights",
    label="一床多人重叠夜数",
    unit="夜",
    told_of={"institution": Of(HOSPITAL)},
    scheme="T01",
    by="institution",
    windows=(180,),
    rows=SHARED_BED,
    measure="sum(nights_shared) / 2.0",
    needs=("visits.adm_bed",),
    reason="近{window}天同科同床两人重叠共{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="换床未登记、走廊加床、床号复用（N35）",
)

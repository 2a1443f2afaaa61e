"""T03 冒名就医, T26 虚假享受优惠身份, T27 重复参保重复享受 at the desk that lets it pass.

How it works: a desk that never looks at a face lets strangers, the dead and double numbers through, or asks for them.
What it leaves: patients who cannot have their diagnosis, settlements of the dead, identity cards where others show
theirs from the phone, one certificate behind two numbers, assistance without a status.
Honest cases: mothers and infants (N12), late entry (N33), broken readers and old people without a phone, defects of
the data (N35).
"""

from features.catalog.identity_of_persons import AFTER_DEATH, ASSISTED, CLASH, OF_DESK, OF_UNIT
from features.codes import ID_CARD
from features.declare import Feature, declare
from features.wording import above

#: One certificate behind several person numbers at one unit.
TWINS = """
    WITH s AS (
        SELECT
            s.fixmedins_code, s.psn_no, s.setl_id, s.happened_at, s.insutype, p.certno,
            coalesce(s.fund_pay_sumamt_fen, 0) AS fen
        FROM settlements s
        JOIN persons p USING (psn_no)
        WHERE p.certno IS NOT NULL
    ),
    n AS (
        SELECT fixmedins_code, certno
        FROM s
        GROUP BY ALL
        HAVING count(DISTINCT psn_no) > 1
    )
    SELECT
        s.fixmedins_code AS entity_id, s.happened_at, 'settlements' AS row_table,
        s.setl_id AS row_id, s.psn_no, s.insutype, s.certno, s.fen
    FROM s
    JOIN n USING (fixmedins_code, certno)
"""

#: Who shows which certificate at which desk.
CERTS = """
    SELECT
        w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table,
        w.setl_id AS row_id, w.psn_no, w.mdtrt_cert_type, p.age
    FROM swipes w
    LEFT JOIN persons p USING (psn_no)
    WHERE w.mdtrt_cert_type IS NOT NULL
"""

desk = Feature(
    scheme="T03",
    by="institution",
    family="identity",
    source="3.3",
)

declare(
    desk,
    told_of={"institution": OF_DESK},
    name="desk_dx_impossible_times",
    label="诊断与性别年龄不符人次",
    unit="次",
    windows=(90, 180),
    rows=CLASH,
    measure="count(*)",
    reason="近{window}天有{value}人次的诊断与参保人性别或年龄不符" + above("次"),
    innocent="妇幼机构新生儿记在母亲名下（N12）；编码映射错误（N35）",
)

declare(
    desk,
    told_of={"institution": OF_UNIT},
    name="desk_after_death_times",
    label="为已故人员结算次数",
    unit="次",
    windows=(365,),
    rows=AFTER_DEATH,
    measure="count(*)",
    needs=("persons.death_date",),
    reason="近{window}天为登记死亡3天以上的人员结算{value}次" + above("次"),
    innocent="死亡日期登记有误（N35）",
)

declare(
    desk,
    grain="institution",
    name="desk_id_card_share",
    label="持身份证结算占比",
    unit="%",
    windows=(90,),
    rows=CERTS,
    empty=None,
    needs=("settlements.mdtrt_cert_type",),
    measure=f"CASE WHEN count(*) >= 20 THEN avg((mdtrt_cert_type = {ID_CARD})::INT) END",
    reason="近{window}天凭身份证（非社保卡或电子凭证）结算的占{value}" + above(),
    innocent="读卡设备故障、老人未激活电子凭证",
)

declare(
    desk,
    grain="institution",
    name="desk_twin_people",
    label="一证多号人数",
    unit="人",
    windows=(365,),
    rows=TWINS,
    measure="count(DISTINCT certno)",
    scheme="T27",
    source="3.14",
    needs=("persons.certno",),
    reason="近{window}天有{value}个证件号以两个以上人员编号在该机构结算" + above("人"),
    innocent="参保关系转移后编号更换（N33）",
)

declare(
    desk,
    told_of={"institution": OF_UNIT},
    name="desk_assisted_without_status_people",
    label="无身份享受救助人数",
    unit="人",
    windows=(365,),
    rows=ASSISTED,
    measure="count(DISTINCT psn_no)",
    scheme="T26",
    source="3.15",
    needs=("persons.psn_idet_type", "settlements.maf_pay_fen"),
    reason="近{window}天有{value}人未登记困难身份却在该机构享受医疗救助" + above("人"),
    innocent="身份认定补录（N33）",
)

"""R40, R61: the trace codes 药品追溯码 of packs, one ledger over persons, units and time.

One pack is paid for once, whoever takes it and wherever. Its code settled twice, sold for cash and settled too, settled
elsewhere after it was handed back, sold by the tablet beyond what it holds, at a unit that never bought the article or
has no agreement: each is told of the person and of the unit whose row is among them, with the other rows beside it.
Innocent: what was refunded and settled again at its own unit (N31), split packs (`trdn_flag`, broken counts, tablets),
what a scanner writes by default, a bill uploaded again.
"""

from claims.store.sql import quote
from features.codes import DRUGSTORE, PACKED_DRUGS, paid
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, VERSIONS, in_force
from features.rules.parts import WITHOUT_AGREEMENT
from features.thresholds import setting
from features.wording import above

COMMON = Feature(
    family="drug",
    by="person",
    reversed="kept",
    windows=(365,),
    source="3.8 3.9 3.10",
    unit="条",
)

#: Lines with codes. `live`: not handed back since; `paid`: by fund or account, not for cash; `whole`: packs, not
#: tablets, of which `share` says how much of a pack they are where that is known; `unbought`: the unit keeps a stock
#: register and the article never came in; `undesignated`: it had no agreement that day.
CODES = "regexp_split_to_array(trim(l.drug_trac_codg, ' ,;|'), '[ ,;|]+')"
LEDGER = f"""
    SELECT
        $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no,
        l.fixmedins_code, l.med_list_codg, l.hilist_name, l.setl_id, l.drug_trac_codg, l.cnt,
        n.feedetl_sn IS NOT NULL AS live,
        (w.setl_id IS NULL OR {paid("w")} > 0) AS paid,
        CASE WHEN w.setl_id IS NULL OR {paid("w")} > 0 THEN coalesce(n.scope_fen, 0) ELSE 0 END AS fen,
        coalesce(l.trdn_flag, '') <> '1'
            AND l.cnt >= 1
            AND l.cnt = floor(l.cnt)
            AND (l.trdn_flag = '0' OR l.cnt <= len({CODES})) AS whole,
        CASE WHEN l.cnt < 1 THEN l.cnt WHEN c.pack_factor > 1 THEN l.cnt / c.pack_factor END / len({CODES}) AS share,
        m.articles >= {setting("R40", "min_articles_in_stock")} AND b.med_list_codg IS NULL AS unbought,
        a.day IS NOT NULL AS undesignated
    FROM lines l
    LEFT JOIN net.lines n ON n.mdtrt_id = l.mdtrt_id AND n.feedetl_sn = l.feedetl_sn
    LEFT JOIN settlements w ON w.setl_id = l.setl_id
    LEFT JOIN {VERSIONS} c ON {in_force("c")}
    LEFT JOIN (
        SELECT fixmedins_code, count(DISTINCT med_list_codg) AS articles
        FROM stock_moves
        GROUP BY 1
    ) m ON m.fixmedins_code = l.fixmedins_code
    LEFT JOIN (
        SELECT DISTINCT fixmedins_code, med_list_codg
        FROM stock_moves
        WHERE move_type IN ('open', 'buy', 'adjust', 'sell_return')
    ) b ON b.fixmedins_code = l.fixmedins_code AND b.med_list_codg = l.med_list_codg
    LEFT JOIN {WITHOUT_AGREEMENT} a ON a.fixmedins_code = l.fixmedins_code AND a.day = l.day
    WHERE length(l.drug_trac_codg) >= {setting("R40", "min_code_length")}
"""
#: A sale is a person at a till at a moment: a bill uploaded again is the same one. A code that names a pack: long
#: enough, not of one repeated character, of one article (two, where it was renamed), not held by more persons (units)
#: or settled more often than a pack can pass on: those are the scanner's. Of many persons at one unit it is told of the
#: unit alone.
LEDGER_OF_CODES = f"""
    WITH c AS (
        SELECT
            *,
            unnest(regexp_split_to_array(trim(drug_trac_codg, ' ,;|'), '[ ,;|]+')) AS code,
            psn_no || '|' || fixmedins_code || '|' || happened_at AS sale
        FROM gathered
    ),
    k AS (
        SELECT code
        FROM c
        WHERE length(code) >= {setting("R40", "min_code_length")} AND replace(code, code[1], '') <> ''
        GROUP BY code
        HAVING count(DISTINCT entity_id) <= {setting("R40", "max_holders")}
            AND count(DISTINCT med_list_codg) <= 2
            AND count(DISTINCT sale) <= {setting("R40", "max_settlements")}
    ),
    g AS (
        SELECT
            code,
            count(DISTINCT sale) FILTER (live AND whole) AS sales,
            count(DISTINCT sale) FILTER (live AND whole AND paid) AS paid_sales,
            coalesce(sum(share) FILTER (live AND NOT whole), 0) > 1.01 AS oversold,
            min(happened_at) FILTER (NOT live) AS back_at,
            min(fixmedins_code) FILTER (NOT live) AS back_to
        FROM c
        SEMI JOIN k USING (code)
        GROUP BY code
    ),
    t AS (
        SELECT
            b.*,
            g.sales >= {setting("R40", "min_settlements")} AND b.whole AND b.live AS twice,
            CASE
                WHEN b.whole AND b.live AND g.sales >= {setting("R40", "min_settlements")} AND g.paid_sales = 1
                    THEN '自费售出后又结算'
                WHEN b.whole AND b.live AND g.sales >= {setting("R40", "min_settlements")} THEN '重复结算'
                WHEN b.live AND g.oversold AND NOT b.whole THEN '拆零合计超出整盒'
                WHEN g.back_at < b.happened_at AND g.back_to <> b.fixmedins_code AND b.live THEN '退药后在他处结算'
                WHEN b.live AND b.undesignated THEN '非协议期结算'
                WHEN b.live AND b.unbought THEN '无购进记录'
            END AS what
        FROM c b
        JOIN g USING (code)
    )
    SELECT
        a.entity_id, b.happened_at, b.row_table, b.row_id, b.psn_no, b.fixmedins_code, b.hilist_name,
        string_agg(DISTINCT b.code, ',' ORDER BY b.code) AS code,
        coalesce(string_agg(DISTINCT b.what, '、' ORDER BY b.what), CASE WHEN b.live THEN '' ELSE '已退药' END) AS what,
        bool_or(b.twice) AS twice,
        b.fen,
        b.entity_id = a.entity_id AND b.paid AND bool_or(b.what IS NOT NULL) AS hit
    FROM (SELECT DISTINCT entity_id, code FROM t WHERE what IS NOT NULL) a
    JOIN t b USING (code)
    GROUP BY a.entity_id, b.entity_id, b.happened_at, b.row_table, b.row_id, b.psn_no, b.fixmedins_code, b.hilist_name,
        b.fen, b.live, b.paid
"""
OF_PERSON, OF_UNIT = "l.psn_no", "l.fixmedins_code"

declare(
    COMMON,
    name="rule_r40",
    rule="R40",
    label=setting("R40", "name"),
    kind="hard",
    scheme="T14",
    told_of={
        "person": Of(OF_PERSON),
        "institution": Of(
            OF_UNIT,
            name="rule_r40_inst",
            scheme="T15",
            by="institution",
            reason="触发规则R40追溯码重复结算：近{window}天本机构有{value}条明细的药品追溯码另有结算",
            innocent="扫码串码、换货未登记；拆零共码、退费重结、重复上传与扫码默认值已剔除（N31）",
        ),
    },
    needs=("fee_details.drug_trac_codg",),
    exempt=("N31",),
    rows=LEDGER,
    across=LEDGER_OF_CODES,
    measure="count(*) FILTER (WHERE hit AND twice)",
    amount="sum(fen) FILTER (WHERE hit AND twice)",
    reason="触发规则R40追溯码重复结算：近{window}天本人有{value}条明细的药品追溯码另有结算",
    innocent="扫码串码、换货未登记；拆零、非整盒、退费重结、重复上传与扫码默认值已剔除（N31）",
)

declare(
    COMMON,
    name="rule_r40_trail",
    rule="R40",
    label="追溯码去向异常",
    kind="lead",
    scheme="T14",
    told_of={
        "person": Of(OF_PERSON),
        "institution": Of(
            OF_UNIT,
            name="rule_r40_trail_inst",
            scheme="T15",
            by="institution",
            reason="触发规则R40追溯码去向异常：近{window}天本机构有{value}条明细的药品拆零超出整盒、退药后在他处结算、无购进记录或在非协议期售出",
        ),
    },
    needs=("fee_details.drug_trac_codg",),
    exempt=("N31",),
    rows=LEDGER,
    across=LEDGER_OF_CODES,
    measure="count(*) FILTER (WHERE hit AND NOT twice)",
    amount="sum(fen) FILTER (WHERE hit AND NOT twice)",
    reason="触发规则R40追溯码去向异常：近{window}天本人有{value}条明细的药品拆零超出整盒、退药后在他处结算、无购进记录或在非协议期售出",
    innocent="进销存补录、包装规格登记有误、退药登记在他店",
)

#: With whom a pack changed hands: the tie of the trace code between persons and between units.
PARTNERS = Feature(
    scheme="T15",
    family="drug",
    reversed="kept",
    windows=(365,),
    source="3.8 3.9 3.10",
    needs=("fee_details.drug_trac_codg",),
    rows=LEDGER,
    across=LEDGER_OF_CODES,
    innocent="扫码串码、换货未登记",
)
declare(
    PARTNERS,
    name="traced_partners",
    label="追溯码相同的其他人数",
    told_of={"person": Of(OF_PERSON)},
    by="person",
    measure="count(DISTINCT psn_no) FILTER (WHERE twice AND psn_no <> entity_id)",
    unit="人",
    reason="近{window}天与另外{value}人结算过同一药品追溯码" + above("人"),
)
declare(
    PARTNERS,
    name="unit_traced_partners",
    label="追溯码相同的其他机构数",
    told_of={"institution": Of(OF_UNIT)},
    by="institution",
    measure="count(DISTINCT fixmedins_code) FILTER (WHERE twice AND fixmedins_code <> entity_id)",
    unit="家",
    reason="近{window}天与另外{value}家机构结算过同一药品追溯码" + above("家"),
)

#: Packs that should have been scanned: of pharmacies since July 2025, of all since January 2026; split packs aside.
#: `short`: no code, one too short, or fewer codes than packs.
TO_BE_SCANNED = f"""
    SELECT
        l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no,
        l.med_list_codg, l.hilist_name, l.cnt, l.drug_trac_codg, l.fen,
        coalesce(length(l.drug_trac_codg), 0) < {setting("R40", "min_code_length")}
            OR (len({CODES}) < l.cnt AND l.trdn_flag = '0') AS hit
    FROM lines l
    JOIN institutions i ON i.fixmedins_code = l.fixmedins_code
    WHERE l.med_chrgitm_type IN {PACKED_DRUGS}
        AND coalesce(l.trdn_flag, '') <> '1'
        AND l.cnt >= 1
        AND l.day >= CASE
            WHEN i.fixmedins_type = {DRUGSTORE} THEN DATE {quote(setting("R40", "pharmacies_since"))}
            ELSE DATE {quote(setting("R40", "all_since"))}
        END
"""
declare(
    COMMON,
    name="rule_r61_trace",
    rule="R61",
    label="追溯码应扫未扫",
    kind="DQ",
    family="quality",
    scheme="T15",
    grain="institution",
    by="institution",
    reversed="net",
    needs=("fee_details.drug_trac_codg",),
    source="1.10",
    rows=TO_BE_SCANNED,
    measure=f"CASE WHEN avg(hit::INT) > {setting('R40', 'unscanned_share')} THEN count(*) FILTER (hit) ELSE 0 END",
    reason="触发规则R61追溯码质量：近{window}天应扫码的药品有{value}条无码、短码或码数少于盒数，R40对其不可评估",
    innocent="扫码设备未到位、接口未升级：属数据质量，不作疑点",
)

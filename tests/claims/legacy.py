"""The old system's export against its clean twin: what differs in the two warehouses, counted by cause."""

from __future__ import annotations

from pathlib import Path

import duckdb

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse

TEXTS = {
    "settlements_clean": "settlements of the clean twin",
    "settlements_legacy": "settlements (first versions) of legacy.zip",
    "same_money": "… in both, of them with equal total, fund, account and cash amounts",
    "in_both": "… in both",
    "only_clean": "only in the clean twin",
    "only_clean_quarantined": "… of them in our quarantine (broken date, person or amount)",
    "only_legacy": "only in legacy.zip",
    "corrections": "… of them late corrections: a reversal (old number with 9 as its first digit) and the settling anew (8), linked to an original that is there",
    "renumbered_reversals": "… of these, reversals whose number is the original's own (it began with 9 already): kept apart as NUMBER-R",
    "renumbered_anew": "… of these, settlings anew whose number is the original's own (it began with 8 already): kept apart as NUMBER-S",
    "originals": "originals in both that are no refunds",
    "same_net": "… of them with the same total after all acts linked to them (refunds, reversals, settlings anew)",
    "refund_quarantined": "… of the others, originals whose refund is in our quarantine",
    "versions": "second versions in legacy.zip",
    "clock_rewritten": "… of them the same row again with its times in another of the four formats (seconds or the time of day lost)",
    "lines_only_clean": "fee lines only in the clean twin",
    "lines_only_clean_quarantined": "… of them in our quarantine (broken date, or the visit is quarantined)",
    "lines_only_legacy": "fee lines only in legacy.zip",
    "line_money_differs": "fee lines in both with another amount",
    "persons_missing": "persons of the clean twin that are not in ours",
}


def compare(pilot: Path, folder: Path) -> dict[str, int]:
    """Take both in and count. `pilot` holds `legacy.zip` and `legacy_clean`."""
    intake(pilot / "legacy.zip", folder / "legacy", "pilot_legacy")
    intake(pilot / "legacy_clean", folder / "clean", "pilot")
    return count_differences(folder / "legacy", folder / "clean")


def count_differences(legacy: Path, clean: Path) -> dict[str, int]:
    with duckdb.connect() as con:
        con.execute("SET threads = 2")
        for tag, root in (("legacy", legacy), ("clean", clean)):
            house = Warehouse.open(root)
            for table in ("settlements", "fee_details", "persons"):
                files = [str(f) for f in house.files(table)]
                con.execute(f"CREATE TABLE {tag}_{table} AS FROM read_parquet({files}, union_by_name=true)")
        held = [str(legacy / e["path"]) for e in Warehouse.open(legacy).manifest["quarantine"] if e["kind"] == "rows"]
        con.execute(f"CREATE TABLE held AS FROM read_parquet({held})")
        con.execute("CREATE TABLE first AS FROM legacy_settlements WHERE version_no = 1")
        con.execute("CREATE TABLE lines AS FROM legacy_fee_details WHERE version_no = 1")
        money = " AND ".join(
            f"c.{m}_fen IS NOT DISTINCT FROM l.{m}_fen"
            for m in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
        )
        con.execute("CREATE TABLE only_clean AS FROM clean_settlements ANTI JOIN first USING (setl_id)")
        con.execute("CREATE TABLE only_legacy AS FROM first ANTI JOIN clean_settlements USING (setl_id)")
        con.execute(
            "CREATE TABLE later AS SELECT b.* FROM legacy_settlements b JOIN first a USING (setl_id) WHERE b.version_no > 1"
        )
        con.execute("CREATE TABLE lines_only AS FROM clean_fee_details ANTI JOIN lines USING (mdtrt_id, feedetl_sn)")
        queries = {
            "settlements_clean": "FROM clean_settlements",
            "settlements_legacy": "FROM first",
            "in_both": "FROM clean_settlements SEMI JOIN first USING (setl_id)",
            "same_money": f"FROM clean_settlements c JOIN first l USING (setl_id) WHERE {money}",
            "only_clean": "FROM only_clean",
            "only_clean_quarantined": """FROM only_clean WHERE setl_id IN (SELECT json_extract_string(raw, '$."结算流水"') FROM held WHERE "table" = 'settlements')""",
            "only_legacy": "FROM only_legacy",
            "corrections": """FROM only_legacy o JOIN clean_settlements c ON c.setl_id = o.init_setl_id
                WHERE regexp_replace(o.setl_id, '-[RS]$', '')[2:] = o.init_setl_id[2:]
                AND o.mdtrt_id = c.mdtrt_id AND ((o.refd_setl_flag = '0' AND o.setl_id[1] = '8' AND o.medfee_sumamt_fen = c.medfee_sumamt_fen)
                OR (o.refd_setl_flag = '1' AND o.setl_id[1] = '9' AND o.medfee_sumamt_fen = -c.medfee_sumamt_fen))""",
            "renumbered_reversals": "FROM only_legacy WHERE setl_id = init_setl_id || '-R'",
            "renumbered_anew": "FROM only_legacy WHERE setl_id = init_setl_id || '-S'",
            "originals": f"FROM ({net('clean_settlements')}) JOIN ({net('first')}) USING (id)",
            "same_net": f"FROM ({net('clean_settlements')}) JOIN ({net('first')}) USING (id, fen)",
            "refund_quarantined": f"""FROM ({net('first')}) ANTI JOIN ({net('clean_settlements')}) USING (id, fen) WHERE id IN (SELECT init_setl_id FROM only_clean)""",
            "versions": "FROM later",
            "clock_rewritten": """FROM later b JOIN first a USING (setl_id) WHERE b.init_setl_id IS NOT DISTINCT FROM a.init_setl_id
                AND CAST(a.setl_time AS DATE) = CAST(b.setl_time AS DATE) AND a.medfee_sumamt_fen = b.medfee_sumamt_fen""",
            "lines_only_clean": "FROM lines_only",
            "lines_only_clean_quarantined": """FROM lines_only WHERE mdtrt_id || '|' || feedetl_sn IN
                (SELECT json_extract_string(raw, '$."就诊流水"') || '|' || json_extract_string(raw, '$."明细流水"') FROM held WHERE "table" = 'fee_details')""",
            "lines_only_legacy": "FROM lines ANTI JOIN clean_fee_details USING (mdtrt_id, feedetl_sn)",
            "line_money_differs": """FROM lines l JOIN clean_fee_details c USING (mdtrt_id, feedetl_sn)
                WHERE l.det_item_fee_sumamt_fen IS DISTINCT FROM c.det_item_fee_sumamt_fen""",
            "persons_missing": "FROM clean_persons ANTI JOIN legacy_persons USING (psn_no)",
        }  # fmt: skip
        return {key: int(con.execute(f"SELECT count(*) {rest}").fetchall()[0][0]) for key, rest in queries.items()}


def net(relation: str) -> str:
    """SQL of each original of a table and what is left of its total after all acts linked to it."""
    left = f"SELECT coalesce(init_setl_id, setl_id) AS id, sum(medfee_sumamt_fen)::BIGINT AS fen FROM {relation} GROUP BY 1"
    return f"SELECT * FROM ({left}) WHERE id IN (SELECT setl_id FROM {relation} WHERE init_setl_id IS NULL)"


def table(figures: dict[str, int]) -> list[str]:
    """The figures as lines of Markdown."""
    return ["| what | rows |", "|---|---|", *(f"| {text} | {figures[key]:,} |" for key, text in TEXTS.items())]

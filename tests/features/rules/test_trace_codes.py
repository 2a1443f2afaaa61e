"""R40: one pack is settled once, whoever takes it and wherever."""

import pandas as pd

from tests.features.catalog.drawn import draw, measure_of

HEAD = "feedetl_sn setl_id psn_no fixmedins_code happened_at cnt trdn_flag drug_trac_codg scope_fen\n"


def code(n: int) -> str:
    return f"8123456789012345{n:04d}"


def found(rows: str, of: str, rule: str = "rule_r40") -> pd.DataFrame:
    frame = measure_of(draw(lines=HEAD + rows), rule, of=of)
    return frame.rename(columns={f"{rule}_365": "lines", f"{rule}_365_fen": "fen"})


def test_a_pack_sold_to_one_and_again_to_another() -> None:
    rows = f"""
        1 s1 ann x 06-01T10:00 1 - {code(1)} 100
        2 s2 bob y 06-20T10:00 1 - {code(1)} 300
        3 s3 cat y 06-21T10:00 1 - {code(2)} 500
    """
    persons = found(rows, "ann bob cat")
    assert persons["lines"].tolist() == [1, 1, 0]
    assert persons["fen"].tolist() == [100, 300, 0], "the other's row stands beside one's own, without its money"
    units = found(rows, "x y", "rule_r40_inst")
    assert units["lines"].tolist() == [1, 1]
    assert units["fen"].tolist() == [100, 300]


def test_a_line_with_two_repeated_codes_counts_once() -> None:
    rows = f"""
        1 s1 ann x 06-01T10:00 2 - {code(1)},{code(2)} 200
        2 s2 ann x 06-20T10:00 2 - {code(2)},{code(1)} 200
    """
    both = found(rows, "ann")
    assert (both["lines"].item(), both["fen"].item()) == (2, 400)


def test_split_packs_and_what_the_scanner_writes_are_innocent() -> None:
    rows = f"""
        1  s1  ann x 06-01T10:00 0.5 - {code(1)} 100
        2  s2  ann x 06-20T10:00 0.5 - {code(1)} 100
        3  s3  bob x 06-01T10:00 7   - {code(2)} 100
        4  s4  bob x 06-20T10:00 7   - {code(2)} 100
        5  s5  cat x 06-01T10:00 1   1 {code(3)} 100
        6  s6  cat x 06-20T10:00 1   1 {code(3)} 100
        7  s7  dan x 06-01T10:00 1   - 00000000000000000000 100
        8  s8  dan x 06-20T10:00 1   - 00000000000000000000 100
        9  s9  eve x 06-01T10:00 2   0 {code(4)} 100
        10 s10 eve x 06-20T10:00 2   0 {code(4)} 100
    """
    assert found(rows, "ann bob cat dan eve")["lines"].tolist() == [0, 0, 0, 0, 2], "eve's packs are said to be whole"


def test_a_code_of_half_the_town_is_the_units_not_the_persons() -> None:
    rows = "\n".join(f"{i} s{i} p{i} x 06-{i + 1:02d}T10:00 1 - {code(1)} 100" for i in range(8))
    assert found(rows, "p0 p1")["lines"].tolist() == [0, 0]
    assert found(rows, "x", "rule_r40_inst")["lines"].tolist() == [8]


SETTLED = "setl_id psn_no fixmedins_code happened_at acct_pay_fen psn_cash_pay_fen\n"


def trail(rows: str, of: str, rule: str = "rule_r40_trail", **tables: str) -> list[float]:
    frame = measure_of(draw(lines=HEAD.strip() + " med_list_codg\n" + rows, **tables), rule, of=of)
    return [float(x) for x in frame[f"{rule}_365"]]


def test_a_bill_uploaded_again_is_one_sale() -> None:
    rows = f"""
        1 s1 ann x 06-01T10:00 1 0 {code(1)} 100
        2 s2 ann x 06-01T10:00 1 0 {code(1)} 100
        3 s3 bob x 06-01T10:00 1 0 {code(2)} 100
        4 s4 bob x 06-02T10:00 1 0 {code(2)} 100
    """
    assert found(rows, "ann bob")["lines"].tolist() == [0, 2]


def test_sold_for_cash_and_settled_too_is_told_of_the_card() -> None:
    rows = f"1 s1 ann x 06-01T10:00 1 0 {code(1)} 100\n2 s2 bob y 06-20T10:00 1 0 {code(1)} 300\n"
    settled = SETTLED + "s1 ann x 06-01T10:00 0 100\ns2 bob y 06-20T10:00 300 0\n"
    con = draw(lines=HEAD + rows, settlements=settled)
    frame = measure_of(con, "rule_r40", of="ann bob")
    assert frame["rule_r40_365"].tolist() == [0, 1], "who paid with his own money bought a pack"
    assert frame["rule_r40_365_fen"].tolist() == [0, 300]


def test_a_pack_split_beyond_what_it_holds() -> None:
    rows = "".join(f"{i} s{i} ann x 06-{i + 1:02d}T10:00 10 1 {code(1)} 100 tab\n" for i in range(3))
    rows += "".join(f"b{i} t{i} bob x 06-{i + 1:02d}T10:00 10 1 {code(2)} 100 tab\n" for i in range(2))
    rows += "".join(f"c{i} u{i} cat x 06-{i + 1:02d}T10:00 10 1 {code(3)} 100 unknown\n" for i in range(9))
    assert trail(rows, "ann bob cat", catalog="med_list_codg pack_factor\ntab 20\n") == [3, 0, 0], (
        "nobody knows what the third holds"
    )


def test_a_scanners_default_names_many_articles() -> None:
    rows = "".join(f"{i} s{i} ann x 06-{i + 1:02d}T10:00 1 0 {code(1)} 100 a{i}\n" for i in range(3))
    assert trail(rows, "ann", "rule_r40") == [0]


def test_articles_a_unit_with_a_full_register_never_bought() -> None:
    stock = "move_id fixmedins_code med_list_codg move_type cnt_e4 move_time\n" + "".join(
        f"m{i} x a{i} buy 10000 01-02T00:00\n" for i in range(12)
    )
    rows = f"1 s1 ann x 06-01T10:00 1 0 {code(1)} 100 a3\n2 s2 bob x 06-01T10:00 1 0 {code(2)} 100 new\n3 s3 cat y 06-01T10:00 1 0 {code(3)} 100 new\n"
    assert trail(rows, "ann bob cat", stock_moves=stock) == [0, 1, 0]


def test_a_shop_without_an_agreement() -> None:
    rows = f"1 s1 ann x 06-15T10:00 1 0 {code(1)} 100 a\n2 s2 bob x 05-15T10:00 1 0 {code(2)} 100 a\n"
    tables = {
        "agreement_periods": "fixmedins_code begndate stas enddate\nx 2020-01-01 normal 05-31\n",
        "settlements": SETTLED + "s1 ann x 06-15T10:00 100 0\ns2 bob x 05-15T10:00 100 0\n",
    }
    assert trail(rows, "ann bob", **tables) == [1, 0]


def test_who_shares_a_code_is_a_tie() -> None:
    rows = f"1 s1 ann x 06-01T10:00 1 0 {code(1)} 100\n2 s2 bob y 06-20T10:00 1 0 {code(1)} 300\n3 s3 cat y 06-20T11:00 1 0 {code(2)} 300\n"
    con = draw(lines=HEAD + rows)
    assert measure_of(con, "traced_partners", of="ann bob cat")["traced_partners_365"].tolist() == [1, 1, 0]
    assert measure_of(con, "unit_traced_partners", of="x y")["unit_traced_partners_365"].tolist() == [1, 1]


def test_codes_missing_or_short_by_unit() -> None:
    head = "feedetl_sn psn_no fixmedins_code happened_at cnt trdn_flag med_chrgitm_type drug_trac_codg\n"
    rows = "".join(
        f"{u}{i} p {u} 07-02T10:00 1 0 09 {'-' if u == 'none' and i < 3 else code(i)}\n"
        for u in ("none", "full")
        for i in range(10)
    )
    rows += "".join(f"old{i} p early 06-30T10:00 1 0 09 -\n" for i in range(10))
    con = draw(lines=head + rows, institutions="fixmedins_code fixmedins_type\nnone 2\nfull 2\nearly 2\n")
    con.execute("UPDATE main.asof SET t = TIMESTAMP '2025-07-31 23:59:59', d = DATE '2025-07-31'")
    assert measure_of(con, "rule_r61_trace", of="none full early")["rule_r61_trace_365"].to_dict() == {
        "early": 0,
        "full": 0,
        "none": 3,
    }

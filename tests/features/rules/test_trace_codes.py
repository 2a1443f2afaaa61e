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

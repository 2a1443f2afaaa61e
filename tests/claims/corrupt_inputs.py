"""Named corrupt deliveries (contract.md §6) and what must become of each.

`CASES` maps a name to (file name, bytes, expected): ``refused`` (UserError, nothing published), ``sound`` (all rows taken), or a reason code that
must stand in the quarantine. ``python -m tests.claims.corrupt_inputs`` runs all of them and writes `docs/figures/intake.md`.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path

from claims.errors import UserError
from claims.intake.pipeline import IntakeSummary, intake
from tests.claims.county import VISIT, write

HEAD = ",".join(VISIT)


def row(**changes: object) -> str:
    return ",".join(str(v) for v in (VISIT | changes).values())


GOOD = row(setl_id="S0", mdtrt_id="M0")
Case = tuple[str, bytes, str]


def text(*lines: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    return (end.join(lines) + end).encode(encoding)


def _csv(expected: str, **changes: object) -> Case:
    return "settlements.csv", text(HEAD, GOOD, row(**changes)), expected


def _zip(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name.replace("__", "."), body)
    return held.getvalue()


CN = row(psn_no="P1", dise_name="高血压") if "dise_name" in VISIT else row() + ",高血压"
CN_HEAD = HEAD + ",dise_name"
CN_GOOD = GOOD + ",糖尿病"
RARE = row() + ",㐀㐂𠀀"

CASES: dict[str, Case] = {
    "utf8": ("settlements.csv", text(HEAD, GOOD, row()), "sound"),
    "utf8_bom": ("settlements.csv", b"\xef\xbb\xbf" + text(HEAD, GOOD, row()), "sound"),
    "gb18030": ("settlements.csv", text(CN_HEAD, CN_GOOD, CN, encoding="gb18030"), "sound"),
    "gb18030_four_bytes": ("settlements.csv", text(CN_HEAD, CN_GOOD, RARE, encoding="gb18030"), "sound"),
    "utf16_bom": ("settlements.csv", text(CN_HEAD, CN_GOOD, CN, encoding="utf-16"), "sound"),
    "utf16_without_bom": ("settlements.csv", text(HEAD, GOOD, row(), encoding="utf-16-le"), "refused"),
    "mixed_gb18030_then_utf8": ("settlements.csv", text(CN_HEAD, CN_GOOD, encoding="gb18030") + text(row() + ",高血压病"), "Q05"),
    "impossible_bytes": ("settlements.csv", text(HEAD, GOOD) + b"\xff\xff\xfe" + text(row()), "refused"),
    "bom_in_mid_file": ("settlements.csv", text(HEAD, GOOD) + b"\xef\xbb\xbf" + text(row()), "sound"),
    "replacement_character": ("settlements.csv", text(CN_HEAD, CN_GOOD, row() + ",高\ufffd压"), "Q05"),
    "mojibake_words": ("settlements.csv", text(CN_HEAD, CN_GOOD, row() + ",锟斤拷"), "Q05"),
    "truncated_character": ("settlements.csv", text(CN_HEAD, CN_GOOD, CN)[:-2], "refused"),
    "crlf": ("settlements.csv", text(HEAD, GOOD, row(), end="\r\n"), "sound"),
    "lone_cr": ("settlements.csv", text(HEAD, GOOD, row(), end="\r"), "sound"),
    "no_last_newline": ("settlements.csv", text(HEAD, GOOD, row())[:-1], "sound"),
    "blank_lines": ("settlements.csv", text("", HEAD, "", GOOD, "", row(), ""), "sound"),
    "tab": ("settlements.tsv", text(HEAD, GOOD, row()).replace(b",", b"\t"), "sound"),
    "bar": ("settlements.txt", text(HEAD, GOOD, row()).replace(b",", b"|"), "sound"),
    "caret": ("settlements.txt", text(HEAD, GOOD, row()).replace(b",", b"^"), "sound"),
    "semicolon": ("settlements.csv", text(HEAD, GOOD, row()).replace(b",", b";"), "sound"),
    "quoted_cells": ("settlements.csv", text(HEAD, GOOD, ",".join(f'"{v}"' for v in VISIT.values())), "sound"),
    "quoted_newline": ("settlements.csv", text(CN_HEAD, CN_GOOD, row() + ',"高\n血压"'), "sound"),
    "quoted_comma_and_quote": ("settlements.csv", text(CN_HEAD, CN_GOOD, row() + ',"高,""血"""'), "sound"),
    "unclosed_quote": ("settlements.csv", text(CN_HEAD, row() + ',"高血压', CN_GOOD), "Q06"),
    "unclosed_quote_at_end": ("settlements.csv", text(CN_HEAD, CN_GOOD, row() + ',"高血压'), "Q06"),
    "stray_quote": ("settlements.csv", text(CN_HEAD, CN_GOOD, row() + ',"高"血"压"'), "Q06"),
    "too_few_columns": ("settlements.csv", text(HEAD, GOOD, "S1,M1,P1"), "Q06"),
    "too_many_columns": ("settlements.csv", text(HEAD, GOOD, row() + ",x,y"), "Q06"),
    "truncated_last_line": ("settlements.csv", text(HEAD, GOOD, row())[:-70], "Q06"),
    "newline_in_a_bare_field": ("settlements.csv", text(HEAD, GOOD, row(psn_no="P\n1")), "Q06"),
    "header_repeated": ("settlements.csv", text(HEAD, GOOD, HEAD, row()), "Q06"),
    "page_total": ("settlements.csv", text(HEAD, GOOD, "合计" + "," * (len(VISIT) - 1)), "Q06"),
    "sub_total": ("settlements.csv", text(HEAD, GOOD, "小计" + "," * (len(VISIT) - 1)), "Q06"),
    "nul": _csv("Q11", psn_no="P\x001"),
    "control_character": _csv("Q11", fixmedins_code="H\x071"),
    "empty": ("settlements.csv", b"", "refused"),
    "only_newlines": ("settlements.csv", b"\n\n\n", "refused"),
    "header_twice_the_same_column": ("settlements.csv", text(HEAD.replace("mdtrt_id", "setl_id"), GOOD), "refused"),
    "header_unknown": ("settlements.csv", text("甲,乙,丙", "1,2,3"), "refused"),
    "no_header": ("settlements.csv", text(GOOD, row()), "refused"),
    "one_column": ("settlements.csv", text("hello", "world"), "refused"),
    "binary": ("settlements.csv", bytes(range(256)) * 8, "refused"),
    "an_image_named_csv": ("settlements.csv", b"\x89PNG\r\n\x1a\n" + bytes(64), "refused"),
    "not_parquet": ("settlements.parquet", b"PAR1 no", "refused"),
    "empty_parquet": ("settlements.parquet", b"", "refused"),
    "not_xlsx": ("settlements.xlsx", b"PK no", "refused"),
    "empty_xlsx": ("settlements.xlsx", b"", "refused"),
    "not_gzip": ("settlements.csv.gz", b"plain", "refused"),
    "not_zip": ("delivery.zip", b"PK no", "refused"),
    "zip_sound": ("delivery.zip", _zip(settlements__csv=text(HEAD, GOOD, row())), "sound"),
    "zip_in_zip": ("delivery.zip", _zip(inner__zip=_zip(settlements__csv=text(HEAD, GOOD))), "refused"),
    "zip_bomb": ("delivery.zip", _zip(settlements__csv=b"0" * (300 << 20)), "refused"),
    "date_not_in_calendar": _csv("Q02", begntime="20260229"),
    "date_month_13": _csv("Q02", begntime="2026/13/01"),
    "date_hour_25": _csv("Q02", begntime="2025-02-30 25:61:00"),
    "date_words": _csv("Q02", begntime="昨天"),
    "date_day_first": _csv("Q02", begntime="01/03/2025"),
    "date_year_26": _csv("Q02", begntime="25-03-01"),
    "date_year_3025": _csv("Q02", begntime="3025-03-01"),
    "date_other_zone": _csv("Q02", begntime="2025-03-01T09:00:00+09:00"),
    "date_placeholder": _csv("Q01", begntime="1900-01-01"),
    "date_zero": _csv("Q01", begntime="0000-00-00"),
    "date_hour_24": _csv("sound", begntime="2025-02-28 24:00:00", endtime=""),
    "date_excel_serial": _csv("sound", begntime="45717", endtime=""),
    "date_chinese": _csv("sound", begntime="2025年03月01日 09时00分", endtime=""),
    "amount_two_points": _csv("Q03", medfee_sumamt="1.2.3"),
    "amount_odd_thousands": _csv("Q03", medfee_sumamt='"1,2.3.4"'),
    "amount_words": _csv("Q03", medfee_sumamt="一百元"),
    "amount_infinite": _csv("Q03", medfee_sumamt="inf"),
    "amount_hex": _csv("Q03", medfee_sumamt="0x10"),
    "amount_underscore": _csv("Q03", medfee_sumamt="1_000"),
    "amount_too_large": _csv("Q03", medfee_sumamt="9" * 30),
    "amount_excel_error": _csv("Q03", medfee_sumamt="#REF!"),
    "amount_thousands": _csv("sound", medfee_sumamt='"1,234.50"'),
    "amount_full_width": _csv("sound", medfee_sumamt="１００．１０"),
    "amount_in_fen": _csv("Q10", medfee_sumamt="10010"),
    "amount_negative_alone": _csv("Q07", medfee_sumamt="-3"),
    "code_in_exponent_form": _csv("Q04", psn_no="3.30106E+17"),
    "visit_id_in_exponent_form": _csv("Q04", mdtrt_id="4.29E+17"),
    "code_with_point_zero": _csv("sound", med_type="11.0"),
    "code_with_apostrophe": _csv("sound", psn_no="'P1"),
    "key_missing": _csv("Q01", mdtrt_id=""),
    "person_missing": _csv("Q01", psn_no=""),
    "person_null_word": _csv("Q01", psn_no="NULL"),
    "settlement_number_missing": _csv("Q01", setl_id=""),
    "settlement_time_missing": _csv("Q01", setl_time=""),
    "discharge_before_admission": _csv("Q07", endtime="2025-02-27"),
    "visit_before_birth": _csv("Q07", begntime="1950-01-01"),
    "same_key_other_person": ("settlements.csv", text(HEAD, GOOD, row(setl_id="S0", mdtrt_id="M0", psn_no="P2")), "Q12"),
    "same_visit_other_unit": ("settlements.csv", text(HEAD, GOOD, row(mdtrt_id="M0", fixmedins_code="H9")), "Q12"),
    "orphan_refund": _csv("Q08", refd_setl_flag="1", init_setl_id="S404"),
    "refund_without_original": _csv("Q08", refd_setl_flag="1", init_setl_id="", medfee_sumamt="55.00"),
    "refund_found_by_its_amounts": _csv("sound", refd_setl_flag="1", init_setl_id="", setl_time="2025-03-01 09:40:00"),
}  # fmt: skip


def run(name: str, folder: Path) -> tuple[str, IntakeSummary | None]:
    """Take a case in; (what happened, summary). Anything but a UserError is a failure of ours and passes through."""
    file, body, _ = CASES[name]
    source = write(folder / "in", settlements=[])
    (source / file).write_bytes(body)
    try:
        done = intake(source, folder / "house")
    except UserError as error:
        return str(error).replace(str(folder), "…"), None
    return "taken in", done


def main() -> None:
    lines = [
        "# Corrupt input and what becomes of it",
        "",
        "Made by `python -m tests.claims.corrupt_inputs`. Rows in = accepted + quarantined + duplicates, in every line.",
        "",
        "| # | input | outcome | rows in | accepted | quarantined | duplicates | reasons |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for i, name in enumerate(CASES, start=1):
        with tempfile.TemporaryDirectory() as folder:
            said, done = run(name, Path(folder))
        if done is None:
            lines.append(f"| {i} | {name} | refused: {said.replace('|', '¦')} | | | | | |")
        else:
            c = done.tables["settlements"]
            why = ", ".join(f"{k}×{v}" for k, v in sorted(done.reasons.get("settlements", {}).items()))
            lines.append(
                f"| {i} | {name} | {said} | {c.rows_in} | {c.accepted} | {c.quarantined} | {c.duplicates} | {why} |"
            )
    from benchmarks.intake_inputs import lines as ordinary_lines

    lines += ["", *ordinary_lines(), *reversal_lines()[1:], *legacy_lines()]
    out = Path(__file__).parents[2] / "docs" / "figures" / "intake.md"
    kept = out.read_text(encoding="utf-8") if out.exists() else ""
    speed = kept[kept.index(SPEED) :] if SPEED in kept else ""  # `python -m benchmarks.intake --write` makes that part
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n" + (f"\n{speed}" if speed else ""), encoding="utf-8")


SPEED = "## Speed and memory"


def reversal_lines() -> list[str]:
    from tests.claims.test_refunds import MATRIX

    lines = ["", "## Reversals", "", "Each row is a test of `tests/claims/test_reversals.py`: what the three readings give (settlements, 分), by person and by institution alike.", "",
             "| deliveries | `net` | `kept` | `pairs`: refund, 分, full |", "|---|---|---|---|"]  # fmt: skip
    for name, (_, net, kept, pairs) in MATRIX.items():
        said = "; ".join(f"{r} {fen} {'full' if full else 'partial'}" for r, fen, full in pairs)
        lines.append(f"| {name} | {net[0]}, {net[1]} | {kept[0]}, {kept[1]} | {said} |")
    return lines


def legacy_lines() -> list[str]:
    from tests.claims.legacy import compare, table

    pilot = Path(os.environ.get("XIEZHI_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "pilot"
    lines = ["", "## The old system's export and its clean twin", ""]
    if not pilot.exists():
        return [*lines, "The pilot's data was not there when this page was made."]
    with tempfile.TemporaryDirectory() as folder:
        figures = compare(pilot, Path(folder))
    return [
        *lines,
        "`legacy.zip` (GB18030, local headers, four date formats, negative refunds, broken rows, duplicates) against `legacy_clean/`, by settlement number and by",
        "(visit, line). `tests/claims/test_legacy.py` holds that every difference has one of these causes.",
        "",
        *table(figures),
        "",
        "The rows only in `legacy.zip` are no fault of intake: the old system reverses a settlement and settles the same amounts anew weeks later under two new",
        "numbers, and the twin holds the original only. Each nets to nothing against its original. Where the new number happens to be the original's own, the act",
        "gets a number of its own (`claims.intake.refunds.part_numbers`), so that it is neither a version of the original nor lost.",
        "Where a row came in a format without seconds or time of day, what was lost cannot be brought back: times differ from the twin by up to a day.",
    ]


if __name__ == "__main__":
    main()

"""docs/figures/desk_review.md, the desk under attack: `make trust-fuzz`, or `python -m benchmarks.desk_review` where its figures are there.

The table of the review names a test for each fault; the page is not written while one of them is not in the suite.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from serving.desk.roles import PRESETS, RIGHTS, ROLES

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs/figures"

#: Number, what was tried, the test that tries it ("" = none), what is found now.
REVIEW: tuple[tuple[str, str, str, str], ...] = (
    ("D1", "a second sign-in, a second officer, a link from another system", "test_the_cookie_lets_links_of_other_systems_in_and_their_forms_not", "mended"),
    ("D2", "full personal numbers in pages, JSON, API, workbooks", "test_no_full_number_leaves_and_no_row_of_another_area", "mended; a reveal needs a reason and is logged"),
    ("D3", "percentiles of ties and of the low side", "test_ties_and_oneself_are_neither_above_nor_below", "mended"),
    ("D4", "a control port anybody commands", "test_the_server_gets_the_warehouse_and_its_workers", "mended: one listening socket, no process manager of BentoML; as another account (`setpriv --reuid=65534`) neither claims, desk, environment nor a named socket of the service could be reached; a warehouse that was copied open is closed at the start"),
    ("D5", "rows that are not the evidence, sums that cannot be added again", "test_a_line_that_two_rules_name_counts_once_and_the_larger_way", "mended for lines and sums; not counted again on real reasons here"),
    ("D6", "a picture of other peers than its sentence", "test_the_picture_of_a_hospital_shows_the_hospitals_its_sentence_speaks_of", "mended"),
    ("D7", "amounts without basis, period, certainty", "test_the_sum_says_which_money_and_from_when", "mended"),
    ("D8", "draw and controls told at a click", "test_the_score_is_shown_to_few_and_no_list_tells_the_draw", "mended"),
    ("D9", "one worker; a kill costs 14–20 s", "test_the_server_gets_the_warehouse_and_its_workers", "mended: see desk.md"),
    ("D10", "/api/explain computes and writes on request", "test_a_row_is_told_as_published_and_its_score_to_few", "mended: what was published is read, an id that is not listed is 404"),
    ("D11", "no names, age, ward", "test_gaps_in_the_evidence_are_counted_or_told_as_unknown", "mended on pages"),
    ("D12", "downloads and pictures starve pages", "test_a_flood_of_sign_ins_costs_no_page", "mended: see desk.md; eight exports at once leave a list at 9 ms (p50), 32 ms (p95) as when idle (27 Nov, loaded machine)"),
    ("D13", "the workbook of an empty list of rings", "test_the_workbook_of_a_list_without_rows_has_its_headers", "mended"),
    ("D14", "absurd reasons, reasons at the median's side", "test_weak_reasons_do_not_fill_the_three", "mended in the cases of the review"),
    ("D15", "printing", "test_it_prints_on_a4_with_its_heads_repeated", "workbooks by test; pages in print were looked at, not tested"),
    ("D16", "an address means another suspect next week", "test_an_address_means_the_same_suspect_for_ever", "mended"),
    ("D17", "damage told as nothing published", "test_damage_is_told_as_damage_on_every_page", "mended"),
    ("D18", "English refusals, raw codes, long fractions", "test_errors_are_chinese_sentences", "mended"),
    ("D19", "/metrics grows with every path", "test_what_anybody_asks_for_leaves_no_trace_in_the_measurements", "mended: pages are answered before BentoML"),
    ("D20", "no filter, search, keys", "test_six_keys_from_the_list_to_a_first_review", "mended"),
    ("–", "multipart without boundary, 60 MB, deep JSON, NaN", "test_a_body_of_the_wrong_kind_is_no_server_error", "mended"),
    ("–", "right-to-left override in a name", "test_a_name_that_turns_its_letters_round_is_shown_apart_from_what_follows", "mended"),
    ("–", "wrong tries lock everybody", "test_five_wrong_tries_lock_one_account_and_no_other", "mended"),
)  # fmt: skip
FOUND = (
    "numbers larger than a database holds in an address, digits that are none (²), and a secret for the one-time code that the page had not given were 500s",
    "a second-factor code with characters beyond ASCII would have been a 500",
    "a locked, full or lost database was a 500 without a word; now 503 in Chinese, nothing half done",
    "every page waited 40 ms for its headers to be acknowledged, since the workers' shared socket delayed small packets",
    "a form sent after five idle seconds could meet a connection that was just being closed",
    "a worker that took more than five seconds to answer while it started was killed as hung",
    "BentoML's layers took as long again as a page",
    "two hundred strangers who try passwords held every thread that makes pages: forty pages took more than nine minutes. Passwords are hashed on threads of their own now, and who is too many is told so",
    "the sentence about a locked account told a stranger that there is such an account",
    "a full disk between a change and the log row of the page that showed it: the page said that nothing was kept, and it was (plan, filled bed sheet, upload of a list, sign-out)",
    "a personal number that a spreadsheet had turned into 4.29E+17 was checked at the counter as one without a past, which is an all-clear",
    "a stay of more than some 1,600 lines was cut off at the gate, below the two thousand that the counter takes",
)


def fuzz_section(d: dict[str, Any]) -> list[str]:
    """Cases a role."""
    rows = [
        f"| {role} | {v['operations']} | {v['cases']:,} | {'yes' if v.get('steered') else 'no'} | {' '.join(f'{s}: {n:,}' for s, n in v['statuses'].items())} | {len(v['faults'])} |"
        for role, v in d.items()
    ]
    every = (*PRESETS, *(r for r in ROLES if (r,) not in PRESETS.values()), "nobody", *(f"token:{r}" for r in RIGHTS))
    left = [f"`{r}`" for r in every if r not in d]
    return [
        "## Schemathesis", "",
        "`make trust-fuzz` (10,000 cases a role over every address of the pages and BentoML's own description of the APIs; 60 a role in the suite). A fault is a 5xx, a traceback, "
        "missing security headers, a full personal number, or an address opened to somebody without the right to it. Known words: whether most parts of an address and a form are words "
        "that are known, over a house with something behind every door; where not, an earlier generator lost them, and most of its cases ended as 404 at the first part of an address."
        + (f" Not run in full here: {', '.join(left)}." if left else ""), "",
        "| role | addresses | cases | known words | answers | faults |", "|---|---|---|---|---|---|", *rows, "",
    ]  # fmt: skip


def page() -> str:
    """The whole page. Raises SystemExit for a test that is not there."""
    text = "\n".join(p.read_text() for p in sorted((ROOT / "tests").rglob("test_*.py")))
    gone = [t for *_, t, _ in REVIEW if t and f"def {t}(" not in text]
    if gone:
        raise SystemExit(f"no such test: {', '.join(gone)}")
    fuzz = FIGURES / "desk_fuzz.json"
    out = [
        "# The officers' desk under attack",
        "",
        "Written by `python -m benchmarks.desk_review`; load and speed stand in desk.md.",
        "",
    ]
    out += fuzz_section(json.loads(fuzz.read_text())) if fuzz.exists() else []
    out += ["## The review's faults, tried again", "", "| | what was tried | test | now |", "|---|---|---|---|"]
    out += [f"| {n} | {what} | `{test}` | {now} |" for n, what, test, now in REVIEW]
    out += ["", "Found and mended while trying:", "", *(f"- {f}" for f in FOUND), ""]
    return "\n".join(out)


if __name__ == "__main__":
    (FIGURES / "desk_review.md").write_text(page())

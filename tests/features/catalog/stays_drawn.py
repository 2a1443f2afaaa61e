"""Stays as `id person unit admitted discharged [column=value …]`; what follows from the days is worked out here.

Days are of 2025 (`06-01`) or whole (`2024-09-10`); `column=value` may also say what is otherwise worked out."""

from datetime import date


def stays(text: str) -> str:
    """A drawing of stays for `draw`: one stay a line, `-` as discharge day leaves it open at T."""
    rows = [line.split() for line in text.strip().splitlines() if line.strip()]
    head = [
        "mdtrt_id",
        "psn_no",
        "fixmedins_code",
        "adm_date",
        "begntime",
        "end_at",
        "end_date",
        "open",
        "nights",
        "bed_days",
        "day_surgery",
        "planned",
        "settled",
        "medfee_fen",
        "fund_fen",
        "lines",
        "lines_fen",
    ]
    extra = sorted({part.split("=")[0] for row in rows for part in row[5:]} - set(head))
    out = [" ".join(head + extra)]
    for row in rows:
        visit, person, unit, begin, end = row[:5]
        own = dict(part.split("=") for part in row[5:])
        last = "06-30" if end == "-" else end
        nights = (whole(last) - whole(begin)).days
        still = str(end == "-").lower()
        fixed = [
            visit,
            person,
            unit,
            begin,
            f"{begin}T10:00:00" if len(begin) == 10 else f"{begin}T10:00",
            f"{last}T09:00:00" if len(last) == 10 else f"{last}T09:00",
            last,
            still,
            nights,
            max(1, nights),
            "false",
            "false",
            "true",
            500000,
            300000,
            9,
            500000,
        ]
        told = [own.get(name, value) for name, value in zip(head, fixed, strict=True)]
        out.append(" ".join(map(str, told + [own.get(name, "-") for name in extra])))
    return "\n".join(out)


def whole(day: str) -> date:
    """A day, of 2025 where no year is said."""
    return date.fromisoformat(day if len(day) == 10 else f"2025-{day}")


def lines(*blocks: tuple[str, str, str, str, str]) -> str:
    """(visit, unit, days `06-01..06-05` or one day, item, chrgitm type) → a drawing of inpatient lines at 09:00, 100 yuan each."""
    out = [
        "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient visit_class med_list_codg hilist_name med_chrgitm_type fen adm_date end_date"
    ]
    for visit, unit, span, item, kind in blocks:
        first, _, last = span.partition("..")
        a, b = date.fromisoformat(f"2025-{first}"), date.fromisoformat(f"2025-{last or first}")
        for day in range(a.toordinal(), b.toordinal() + 1):
            when = date.fromordinal(day).strftime("%m-%d")
            out.append(
                f"{len(out):05d} {visit} p {unit} {when}T09:00 true inpatient {item} {item} {kind} 10000 {SPAN[visit][0]} {SPAN[visit][1]}"
            )
    return "\n".join(out)


#: Days of the stays whose lines are drawn: set it before `lines`.
SPAN: dict[str, tuple[str, str]] = {}

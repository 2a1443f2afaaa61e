"""Fields of a posted form, and what is read off them."""

import re
from urllib.parse import parse_qs

from starlette.requests import Request

from serving.desk.cases import Refused

Form = dict[str, list[str]]


async def form_of(request: Request) -> Form:
    """The fields of a posted form; the gate has bounded its size."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}


def first(form: Form, name: str) -> str:
    """The first value of a field, stripped; '' where it lacks. No NUL: PostgreSQL holds none."""
    return (form.get(name) or [""])[0].replace("\0", "").strip()


def number_of(text: str) -> int | None:
    """A whole number of at most nine plain digits, which is what a database holds; None for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def amount_of(text: str) -> int | None:
    """Yuan as typed, in fen. Raises Refused for what is no amount of at most two decimals."""
    plain = text.replace(",", "").replace("，", "").replace("¥", "").strip()
    if not plain:
        return None
    whole, _, cents = plain.partition(".")
    digits = whole.isascii() and whole.isdigit() and (not cents or (cents.isascii() and cents.isdigit()))
    if not (digits and len(whole) <= 12 and len(cents) <= 2):
        raise Refused(f"金额 {text[:20]!r} 应写作 1234.56")
    return int(whole) * 100 + int(cents.ljust(2, "0") or 0)

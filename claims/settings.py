"""What the environment may set, read here and nowhere else (docs/design.md §13)."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from claims.errors import UserError

#: Variable → (field of `Limits`, smallest, largest).
LIMITS = {
    "XIEZHI_WHOLE": ("whole", 1, 1e9),
    "XIEZHI_UNMAPPED": ("unmapped", 0, 1),
    "XIEZHI_MOSTLY_UNMAPPED": ("mostly_unmapped", 0, 1),
    "XIEZHI_TOTALS": ("totals", 0, 1),
    "XIEZHI_UNITS": ("units", 0, 1),
    "XIEZHI_SCALE": ("scale", 2, 1e9),
}
PLACES = (
    "XIEZHI_WAREHOUSE",
    "XIEZHI_HOSTS",
    "XIEZHI_WORKERS",
    "XIEZHI_MEMORY",
    "XIEZHI_TRACEBACK",
    "XIEZHI_DESK",
    "XIEZHI_DESK_KEY",
    "XIEZHI_OIDC_ISSUER",
    "XIEZHI_OIDC_CLIENT",
    "XIEZHI_OIDC_SECRET_FILE",
    "XIEZHI_OIDC_CLAIM",
)
NAMES = (*PLACES, *LIMITS)


@dataclass(frozen=True)
class Limits:
    """What a delivery may be like. whole: rows from which a table refused row by row is refused whole, and from which
    amounts are compared. unmapped, mostly_unmapped: share of codes nobody mapped from which what needs the column is
    not evaluable, and from which no list is made. totals: share by which a delivery may differ from its control
    totals. units: share of visits whose lines are a hundredth or the hundredfold of their settlement from which it is
    refused. scale: how many times of what is usual the middle settlement may be."""

    whole: float = 20
    unmapped: float = 0.05
    mostly_unmapped: float = 0.5
    totals: float = 0.02
    units: float = 0.5
    scale: float = 30


@dataclass(frozen=True)
class Oidc:
    """The office's own sign-in (OpenID Connect). secret_file: holds the client's secret, readable by the service's
    account alone. claim: names an account here."""

    issuer: str
    client: str
    secret_file: Path
    claim: str = "preferred_username"

    def secret(self) -> str:
        """The client's secret. Raises UserError for a file that cannot be read or that others may read."""
        try:
            if self.secret_file.stat().st_mode & 0o077:
                raise UserError(f"{self.secret_file}: others may read it; run chmod 600 on it")
            return self.secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.secret_file}: cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True)
class Settings:
    """warehouse: of a served process (None while a bento is built). hosts: names it answers to besides loopback.
    workers: its processes. memory: what one DuckDB connection of an intake may hold. traceback: show where a defect of
    ours is. desk: SQLAlchemy address of the desk's database, '' = SQLite in the warehouse. desk_key: file with the key
    of second factors, None = in the desk's folder. limits: what a delivery may
    be like. oidc: the office's own sign-in, None = passwords alone."""

    warehouse: Path | None = None
    hosts: frozenset[str] = frozenset()
    workers: int = 2
    memory: str = "2500MB"
    traceback: bool = False
    desk: str = ""
    desk_key: Path | None = None
    limits: Limits = Limits()
    oidc: Oidc | None = None

    def environment(self) -> dict[str, str]:
        """The same as variables, for a process that reads them."""
        return {
            **({"XIEZHI_WAREHOUSE": str(self.warehouse)} if self.warehouse else {}),
            "XIEZHI_HOSTS": ",".join(sorted(self.hosts)),
            "XIEZHI_WORKERS": str(self.workers),
            "XIEZHI_MEMORY": self.memory,
            "XIEZHI_TRACEBACK": "1" if self.traceback else "",
            **{name: f"{getattr(self.limits, field):g}" for name, (field, *_) in LIMITS.items()},
            "XIEZHI_DESK": self.desk,
            "XIEZHI_DESK_KEY": str(self.desk_key) if self.desk_key else "",
            "XIEZHI_OIDC_ISSUER": self.oidc.issuer if self.oidc else "",
            "XIEZHI_OIDC_CLIENT": self.oidc.client if self.oidc else "",
            "XIEZHI_OIDC_SECRET_FILE": str(self.oidc.secret_file) if self.oidc else "",
            "XIEZHI_OIDC_CLAIM": self.oidc.claim if self.oidc else "",
        }


def settings() -> Settings:
    """The settings of this moment. Raises UserError for a number of workers or an amount of memory that is none, or a
    sign-in that lacks a part."""
    return _read(tuple(os.environ.get(name) for name in NAMES))


@functools.lru_cache(maxsize=16)
def _read(given: tuple[str | None, ...]) -> Settings:
    """Read once for each environment: every request asks for them."""
    told = dict(zip(NAMES, given, strict=True))
    warehouse, hosts, workers, memory, traceback, desk, key, *office = ((told[p] or "").strip() for p in PLACES)
    if workers and not re.fullmatch(r"[1-9]\d?", workers):
        raise UserError(f"XIEZHI_WORKERS={workers}: give a number of processes from 1 to 99")
    if memory and not re.fullmatch(r"\d+(\.\d+)? ?[KMGT]i?B", memory):
        raise UserError(f"XIEZHI_MEMORY={memory}: give an amount like 2500MB or 4GB")
    return Settings(
        warehouse=Path(warehouse) if warehouse else None,
        hosts=frozenset(h.strip().lower() for h in hosts.split(",") if h.strip()),
        workers=int(workers or Settings.workers),
        memory=memory or Settings.memory,
        traceback=bool(traceback),
        desk=desk,
        desk_key=Path(key) if key else None,
        oidc=_oidc(*office),
        limits=Limits(
            **{
                field: _limit(name, text, low, high)
                for name, (field, low, high) in LIMITS.items()
                if (text := told[name]) is not None
            }
        ),
    )


def _oidc(issuer: str, client: str, secret_file: str, claim: str) -> Oidc | None:
    if not issuer:
        return None
    local = re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]", issuer)
    if not (issuer.startswith("https://") or local) or not client or not secret_file:
        raise UserError(
            "XIEZHI_OIDC_ISSUER: give an https address, and with it XIEZHI_OIDC_CLIENT and XIEZHI_OIDC_SECRET_FILE"
        )
    return Oidc(issuer, client, Path(secret_file), claim or Oidc.claim)


def _limit(name: str, text: str, low: float, high: float) -> float:
    """A number, or a share like ``2%``."""
    text = text.strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        share = ", or a share like 2%" if high == 1 else ""
        raise UserError(f"{name}={text}: give a number from {low:g} to {high:g}{share}")
    return value

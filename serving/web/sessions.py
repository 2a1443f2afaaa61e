"""Signing in: a one-time token printed by `xiezhi serve`, exchanged once for a session cookie.

State lies in WAREHOUSE/serve/ (0700): `tokens/HASH` and `sessions/HASH`, empty files (0600) named by the SHA-256 of the secret, so
that nobody who reads the folder can sign in with what it holds. Taking a token is deleting its file, which only one caller can do,
over any number of workers. A session ends 30 minutes after its last use or 12 hours after it began.
"""

import hashlib
import os
import secrets
import time
from pathlib import Path

IDLE_SECONDS = 30 * 60
ABSOLUTE_SECONDS = 12 * 3600
TOKEN_SECONDS = 24 * 3600
COOKIE = "xiezhi_session"


def _folder(warehouse: Path, kind: str) -> Path:
    return warehouse / "serve" / kind


def _name(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _put(folder: Path, secret: str, text: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(folder.parent, 0o700)
    handle = os.open(folder / _name(secret), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)


def new_token(warehouse: Path) -> str:
    """A fresh one-time sign-in token (192 bit). Only its hash is stored; earlier unused tokens are void from now on."""
    folder = _folder(warehouse, "tokens")
    if folder.exists():
        for old in folder.iterdir():
            old.unlink(missing_ok=True)
    token = secrets.token_urlsafe(24)
    _put(folder, token)
    return token


def take_token(warehouse: Path, token: str) -> str | None:
    """Exchange a token for a new session; None if it is unknown, used or older than a day."""
    path = _folder(warehouse, "tokens") / _name(token)
    try:
        age = time.time() - path.stat().st_mtime
        path.unlink()
    except OSError:
        return None
    if age > TOKEN_SECONDS:
        return None
    session = secrets.token_urlsafe(32)
    _put(_folder(warehouse, "sessions"), session, str(int(time.time())))
    return session


def is_open(warehouse: Path, session: str) -> bool:
    """Whether this cookie is a session still open; notes its use (at most once a minute)."""
    path = _folder(warehouse, "sessions") / _name(session)
    try:
        used, begun = path.stat().st_mtime, int(path.read_text() or 0)
    except (OSError, ValueError):
        return False
    now = time.time()
    if now - used > IDLE_SECONDS or now - begun > ABSOLUTE_SECONDS:
        path.unlink(missing_ok=True)
        return False
    if now - used > 60:
        os.utime(path)
    return True


def close(warehouse: Path, session: str) -> None:
    """End a session; its cookie is worth nothing afterwards."""
    (_folder(warehouse, "sessions") / _name(session)).unlink(missing_ok=True)


def ready(warehouse: Path) -> bool:
    """Whether anybody can sign in or is signed in: without a token and without a session the service must not start."""
    return any(
        folder.is_dir() and any(folder.iterdir())
        for folder in (_folder(warehouse, "tokens"), _folder(warehouse, "sessions"))
    )

"""Secrets of second factors, encrypted at rest (AES-256-GCM of `cryptography`): whoever reads the database or a backup of it can make no code.

The key lies in a file outside the database, 0600, made with the first account: `second-factor.key` in the desk's folder, or where XIEZHI_DESK_KEY says.
A secret is bound to its account: what is copied into another row does not open. A backup does not hold the key (serving/desk/backup.py).
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from claims.errors import UserError
from claims.settings import settings

NAME: Final = "second-factor.key"
SIZE: Final = 32
NONCE: Final = 12


class Locked(UserError):
    """The key is not there, is not the one, or may be read by others."""


def key_file(folder: Path) -> Path:
    """Where the key of a desk lies."""
    return settings().desk_key or folder / NAME


def make_key(folder: Path) -> Path:
    """A key where there is none; one that is there stays."""
    path = key_file(folder)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    except OSError as error:
        raise UserError(f"{path}: the key of second factors cannot be made ({error.strerror})") from None
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(SIZE)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def seal(folder: Path, person_id: int, secret: str) -> str:
    """The secret as the database keeps it. Raises Locked."""
    nonce = secrets.token_bytes(NONCE)
    body = AESGCM(_key(folder)).encrypt(nonce, secret.encode(), _whose(person_id))
    return base64.b64encode(nonce + body).decode()


def unseal(folder: Path, person_id: int, kept: str) -> str:
    """The secret again. Raises Locked, also for what belongs to another account or another key."""
    raw = base64.b64decode(kept)
    try:
        return AESGCM(_key(folder)).decrypt(raw[:NONCE], raw[NONCE:], _whose(person_id)).decode()
    except InvalidTag:
        raise Locked("动态码的密钥文件与数据库不符，请联系系统管理员") from None


def mark(folder: Path) -> str:
    """By which a key is known without being told: what a backup says of it; '' where there is none."""
    try:
        return hashlib.sha256(b"xiezhi second factor" + _key(folder)).hexdigest()[:16]
    except Locked:
        return ""


def _key(folder: Path) -> bytes:
    path = key_file(folder)
    try:
        if path.stat().st_mode & 0o077:
            raise Locked("动态码的密钥文件可被他人读取，请系统管理员把它的权限改为 0600")
        key = base64.b64decode(path.read_bytes(), validate=False)
    except (OSError, ValueError):
        raise Locked("动态码的密钥文件缺失或不能读取，请联系系统管理员") from None
    if len(key) != SIZE:
        raise Locked("动态码的密钥文件已损坏，请联系系统管理员")
    return key


def _whose(person_id: int) -> bytes:
    return f"person {person_id}".encode()

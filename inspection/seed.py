"""Chance that anybody can repeat and that nobody chose alone: commit, then reveal.

Two people each think of a salt and publish its SHA-256 before the draw (`xiezhi draw commit`). The draw waits for a public value that nobody knew then: the
seal of the warehouse's next manifest, or a number from outside (a lottery's). The seed is the SHA-256 of name, salts and public value. Neither person can
steer it without knowing the other's salt, nor both together without the later value; afterwards everybody can compute it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from claims.errors import UserError

LEAST = 8
"""Characters of a salt: shorter ones can be guessed from their hash."""


def random_for(*parts: object) -> np.random.Generator:
    """A generator that depends on `parts` only, so that what is made twice is the same."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


@dataclass(frozen=True)
class Commitment:
    """Who promised which salt (its hash), and the warehouse's version when he did."""

    by: str
    sha256: str
    version: str


def sealed_salt(name: str, salt: str) -> str:
    """What a person publishes of a salt. UserError where it could be guessed."""
    if len(salt) < LEAST:
        raise UserError(f"盐值至少 {LEAST} 个字符，太短的可由其散列猜出；请另选一个")
    return hashlib.sha256(f"{name}|{salt}".encode()).hexdigest()


def revealed(name: str, promised: Sequence[Commitment], salts: Sequence[str]) -> list[str]:
    """The salts in the order of the promises. UserError unless two people promised and each salt given is what one of them promised."""
    people = list(dict.fromkeys(c.by for c in promised))
    if len(people) < 2:
        said = f"目前只有 {people[0]}" if people else "目前无人"
        raise UserError(f"抽查 {name} 需两人各自先公布盐值的散列（{said}）；请先运行 xiezhi draw commit")
    by_hash = {hashlib.sha256(f"{name}|{salt}".encode()).hexdigest(): salt for salt in salts}
    missing = [c.by for c in promised if c.sha256 not in by_hash]
    if missing:
        raise UserError(
            f"抽查 {name}：{'、'.join(missing)} 公布的散列与所给盐值不符或未给出；请用 --salt 逐个给出当初的盐值"
        )
    return [by_hash[c.sha256] for c in promised]


def seed_of(name: str, salts: Sequence[str], public: str) -> str:
    """The published seed, 64 hex digits."""
    if not public:
        raise UserError(f"抽查 {name} 还缺事后公开值；请先接收下一批数据，或用 --public 给出开奖号码等公开数字")
    return hashlib.sha256("|".join([name, *salts, public]).encode()).hexdigest()

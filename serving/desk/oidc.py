"""Signing in by the office's own provider (OpenID Connect): authorization code with PKCE, state and nonce, by Authlib.

The provider says who somebody is and nothing of what he may do: a claim names an account that an administrator has made, with the roles it has here.
From the first time on the account is bound to the provider's own number for the person (`sub`), so that a name given to somebody else later opens nothing.
"""

from __future__ import annotations

import functools
import secrets
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, func, insert, select

from claims.errors import UserError
from claims.settings import Oidc
from serving.desk import people
from serving.desk.database import Desk, now
from serving.desk.people import Person, secret_hash
from serving.desk.schema import SIGN_INS

with warnings.catch_warnings():
    # Authlib would rather have httpx2, which nothing else here needs.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import OAuth2Client

COOKIE: Final = "xiezhi_office"
LIFE: Final = timedelta(minutes=10)
AT_ONCE: Final = 1_000
SIGNED_BY: Final = ["RS256", "PS256", "ES256"]
SECONDS: Final = 5.0


class Failed(UserError):
    """The provider cannot be reached, or what it said does not hold; the sentence is shown on the sign-in page."""


@dataclass(frozen=True)
class Begun:
    """Where to send the browser, and the secret it keeps until it comes back."""

    address: str
    secret: str


def begin(desk: Desk, office: Oidc, back: str, to: str) -> Begun:
    """Begin a sign-in that ends at `back` and then leads to `to`. Raises Failed."""
    found = _metadata(office.issuer, int(time.monotonic() // 3600))
    state, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    with desk.write() as connection:
        connection.execute(delete(SIGN_INS).where(SIGN_INS.c.ends_at < now()))
        if int(connection.execute(select(func.count()).select_from(SIGN_INS)).scalar_one()) >= AT_ONCE:
            raise Failed("正在登录的人过多，请稍后再试")
        row = {"state": secret_hash(state), "nonce": nonce, "verifier": verifier, "next": to[:400]}
        connection.execute(insert(SIGN_INS).values(**row, ends_at=now() + LIFE))
    with _client(office, back) as client:
        address, _ = client.create_authorization_url(
            found["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    return Begun(str(address), state)


def finish(desk: Desk, office: Oidc, back: str, kept: str, state: str, code: str) -> tuple[Person, str]:
    """(who came back, where he wanted to go). kept: the secret of the browser. Raises Failed, people.Refused."""
    if not kept or not code or not secrets.compare_digest(kept, state):
        raise Failed("登录没有从本页开始，请重试")
    mine = SIGN_INS.c.state == secret_hash(state)
    with desk.write() as connection:  # a state serves once, whatever comes of it
        begun = connection.execute(select(SIGN_INS).where(mine)).mappings().first()
        connection.execute(delete(SIGN_INS).where(mine))
    if begun is None or begun["ends_at"] < now():
        raise Failed("登录已超时，请重试")
    claims = _claims(office, back, code, begun["verifier"], begun["nonce"])
    name = claims.get(office.claim)
    if not isinstance(name, str) or not name:
        raise Failed(f"统一认证没有给出 {office.claim}，请联系系统管理员")
    return people.known_as(desk, f"{office.issuer}|{claims['sub']}", name), str(begun["next"])


def _claims(office: Oidc, back: str, code: str, verifier: str, nonce: str) -> dict[str, Any]:
    """What the provider says of who came, its signature, issuer, audience, time and nonce checked."""
    found = _metadata(office.issuer, int(time.monotonic() // 3600))
    try:
        with _client(office, back) as client:
            given = client.fetch_token(found["token_endpoint"], code=code, code_verifier=verifier)
        published: Any = _fetch(found["jwks_uri"])
        keys = KeySet.import_key_set(published)
        token = jwt.decode(str(given["id_token"]), keys, algorithms=SIGNED_BY)
        options: Any = {
            "iss": {"essential": True, "value": office.issuer},
            "aud": {"essential": True, "value": office.client},
            "nonce": {"essential": True, "value": nonce},
        }
        checked = CodeIDToken(token.claims, token.header, options, {"nonce": nonce, "client_id": office.client})
        checked.validate(leeway=60)
    except (AuthlibBaseError, JoseError, httpx.HTTPError, KeyError, ValueError, TypeError) as error:
        # never what was said: it may hold a secret
        raise Failed(f"统一认证的答复不成立（{type(error).__name__}），请重试或联系系统管理员") from None
    return dict(checked)


def _client(office: Oidc, back: str) -> OAuth2Client:
    return OAuth2Client(
        office.client,
        office.secret(),
        scope="openid profile",
        redirect_uri=back,
        code_challenge_method="S256",
        timeout=SECONDS,
        trust_env=False,
    )


@functools.lru_cache(4)
def _metadata(issuer: str, hour: int) -> dict[str, Any]:
    """What a provider says of itself, asked once an hour. Raises Failed where it is another, or its addresses are open to whoever listens."""
    found = _fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    places = [found.get(k) for k in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if found.get("issuer") != issuer or not all(isinstance(p, str) and safe(p) for p in places):
        raise Failed("统一认证的地址不对，请联系系统管理员")
    return found


def safe(address: str) -> bool:
    """Whether an address may carry a sign-in: https, or this machine."""
    at = urlsplit(address)
    return at.scheme == "https" or (at.scheme == "http" and at.hostname in ("127.0.0.1", "localhost", "::1"))


def _fetch(address: str) -> dict[str, Any]:
    try:
        answer = httpx.get(address, timeout=SECONDS, trust_env=False)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError):
        raise Failed("统一认证现在联系不上，请用密码登录或稍后再试") from None
    return dict(found) if isinstance(found, dict) else {}

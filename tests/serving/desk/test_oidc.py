"""Signing in by a provider in the same process: it says who somebody is, an account here says what he may do."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from serving.desk import log, oidc, people
from serving.web.middleware import Gate, desk_of
from serving.web.pages import pages
from tests.serving.conftest import TestClient, signed_in

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
SECRET = "of-the-client"


class Office:
    """What the provider knows: codes it gave with what they stand for, and how its next answer is bent."""

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.who = {"sub": "s-1", "preferred_username": "wang"}
        self.bent: dict[str, Any] = {}
        self.key = KEY
        office = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def say(self, body: object, status: int = 200) -> None:
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def do_GET(self) -> None:
                if self.path == "/keys":
                    self.say(KeySet([KEY]).as_dict(private=False))
                else:
                    places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
                    self.say({"issuer": office.issuer} | {k: office.issuer + v for k, v in places.items()})

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                begun = office.codes.pop(form["code"][0], None)
                challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"][0].encode()).digest())
                given = base64.b64decode(self.headers["authorization"].split()[1]).decode()
                if (
                    begun is None
                    or begun["code_challenge"] != challenge.rstrip(b"=").decode()
                    or given != f"xiezhi:{SECRET}"
                ):
                    self.say({"error": "invalid_grant"}, 400)
                    return
                claims = {"iss": office.issuer, "aud": "xiezhi", "exp": int(time.time()) + 60, "iat": int(time.time())}
                claims |= {"nonce": begun["nonce"], **office.who, **office.bent}
                token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, office.key)
                self.say({"access_token": "x", "token_type": "Bearer", "id_token": token})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def agrees(self, address: str) -> str:
        """Somebody signs in there; where his browser is sent back to."""
        query = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
        assert (query["code_challenge_method"], query["response_type"]) == ("S256", "code")
        self.codes["c"] = query
        return f"/sign-in/office/back?code=c&state={query['state']}"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    made = Office()
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    for name, value in {"ISSUER": made.issuer, "CLIENT": "xiezhi", "SECRET_FILE": str(secret)}.items():
        monkeypatch.setenv(f"XIEZHI_OIDC_{name}", value)
    oidc._metadata.cache_clear()
    yield made
    made.server.shutdown()
    made.server.server_close()


def browser(week: Path) -> TestClient:
    return TestClient(Gate(pages(week), week), base_url="http://127.0.0.1", follow_redirects=False)


def test_who_comes_back_has_the_rights_of_his_account_here(week: Path, office: Office) -> None:
    signed_in(week, "reviewer1", name="wang")
    client = browser(week)
    assert "用统一认证登录" in client.get("/sign-in").text
    begun = client.get("/sign-in/office?next=/cases")
    answer = client.get(office.agrees(begun.headers["location"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    assert client.get("/me").status_code == 200
    assert client.get("/people").status_code == 403, "no right comes from the provider"
    last = [r for r in log.rows(desk_of(week), 0, 10_000) if r["act"] == "sign-in"][-1]
    assert (last["who"], json.loads(str(last["detail"]))) == ("wang", {"by": "oidc"})
    again = browser(week)
    office.who = {"sub": "s-2", "preferred_username": "wang"}
    refused = again.get(office.agrees(again.get("/sign-in/office").headers["location"]))
    assert refused.status_code == 403, "the name was given to somebody else"
    office.who = {"sub": "s-1", "preferred_username": "renamed"}
    assert again.get(office.agrees(again.get("/sign-in/office").headers["location"])).status_code == 303


BENT: dict[str, Any] = {
    "nonce": {"nonce": "another"},
    "audience": {"aud": "another"},
    "issuer": {"iss": "https://elsewhere"},
    "late": {"exp": 1},
    "nobody": {"preferred_username": "nobody-here"},
    "no name": {"preferred_username": ""},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("kind", BENT)
def test_what_does_not_hold_opens_nothing(week: Path, office: Office, kind: str) -> None:
    people.add(desk_of(week), f"li-{kind.replace(' ', '-')}", ("officer",))
    office.who = {"sub": f"s-{kind}", "preferred_username": f"li-{kind.replace(' ', '-')}"}
    office.bent = BENT[kind]
    client = browser(week)
    answer = client.get(office.agrees(client.get("/sign-in/office").headers["location"]))
    assert answer.status_code == 403
    assert client.get("/me").status_code == 401


def test_a_state_serves_one_browser_once(week: Path, office: Office) -> None:
    people.add(desk_of(week), "zhao", ("officer",))
    office.who = {"sub": "s-9", "preferred_username": "zhao"}
    client, thief = browser(week), browser(week)
    back = office.agrees(client.get("/sign-in/office").headers["location"])
    assert thief.get(back).status_code == 403, "another browser"
    office.key = OTHER
    assert client.get(back).status_code == 403, "signed by another key"
    office.key = KEY
    office.codes["c"] = {}
    assert client.get(back).status_code == 403, "the state is spent"


def test_without_a_provider_there_is_no_such_address(week: Path) -> None:
    client = browser(week)
    assert client.get("/sign-in/office").status_code == 404
    assert "统一认证" not in client.get("/sign-in").text

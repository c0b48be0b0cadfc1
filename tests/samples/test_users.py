"""Who may call: logins, tokens, their rotation and their end, seen from outside."""

import base64
import contextlib
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest

from sample_services.contracts import AUDIENCE, ISSUER


@pytest.fixture
def browser(fleet):
    """A client with a cookie jar, as a front end has one."""
    with httpx.Client(base_url=fleet.url("gateway"), timeout=30, trust_env=False) as client:
        yield client


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def rotate(fleet):
    answer = fleet.http.post(
        f"{fleet.url('users')}/admin/keys", headers={"Authorization": f"Bearer {fleet.token}"}
    )
    assert answer.status_code == 200
    return answer.json()["kid"]


def pass_lock(fleet):
    """Let the 60 seconds pass, for the names that are locked."""
    with (
        contextlib.closing(sqlite3.connect(fleet.home / "data" / "users.db", timeout=30)) as database,
        database,
    ):
        database.execute("update login_attempts set locked_until = locked_until - 60")


def total(fleet, service, metric, **labels):
    """The sum of the samples of a metric that have these labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    page = fleet.http.get(f"{fleet.url(service)}/metrics").text
    return sum(
        float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if line.startswith(f"{metric}{{") and all(label in line for label in wanted)
    )


def test_login_gives_an_access_token_and_a_cookie_that_scripts_cannot_read(fleet, browser):
    answer = fleet.log_in("alice", client=browser)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 900
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["iss"], claims["aud"], claims["name"]) == (ISSUER, AUDIENCE, "alice")
    assert claims["exp"] - claims["iat"] == 900
    assert jwt.get_unverified_header(answer.json()["access_token"])["alg"] == "RS256"
    cookie = answer.headers["Set-Cookie"]
    for part in ("refresh_token=", "HttpOnly", "SameSite=strict", "Path=/api/auth", "Max-Age=604800"):
        assert part in cookie
    assert answer.headers["Cache-Control"] == "no-store"


def test_cookie_of_a_caller_over_https_is_sent_over_https_only(fleet):
    body = {"name": "alice", "password": fleet.password("alice")}
    url = f"{fleet.url('gateway')}/api/auth/login"
    answer = httpx.post(url, json=body, headers={"X-Forwarded-Proto": "https"}, trust_env=False)
    assert "Secure" in answer.headers["Set-Cookie"]


def test_request_without_a_token_is_refused_and_says_why(fleet, browser):
    answer = browser.post("/api/orders", json={"sku": "TEA-GREEN", "quantity": 1})
    assert answer.status_code == 401
    assert answer.json()["reason"] == "missing"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_forged_tokens_are_refused(fleet, browser):
    token = fleet.log_in("alice").json()["access_token"]
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "root"}).encode()).decode().rstrip("=")
    keys = fleet.http.get(f"{fleet.url('users')}/.well-known/jwks.json").json()["keys"]
    forged = {
        "bad_signature": [
            f"{head}.{other}.{signature}",
            jwt.encode(claims, None, algorithm="none", headers={"kid": keys[0]["kid"]}),
            # The public key as the secret of a symmetric signature.
            jwt.encode(claims, keys[0]["n"], algorithm="HS256", headers={"kid": keys[0]["kid"]}),
            jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"kid": "nobody"}),
        ],
        "malformed": ["not.a.token", "x"],
    }
    for reason, tokens in forged.items():
        for each in tokens:
            answer = browser.get("/api/home", headers={"Authorization": f"Bearer {each}"})
            assert (answer.status_code, answer.json()["reason"]) == (401, reason), each


def test_expired_token_and_one_for_somebody_else_are_told_apart(fleet, browser):
    # Signed with the real key, which only the users service and this test can read.
    (path, *_) = sorted((fleet.home / "secrets" / "signing_keys").glob("*.pem"), reverse=True)
    kid, now = path.stem.partition("-")[2], int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "iat": now - 1000, "exp": now - 100}
    for change, reason in (
        ({}, "expired"),
        ({"exp": now + 100, "aud": "else"}, "bad_claims"),
        ({"exp": now + 100, "iss": "else"}, "bad_claims"),
    ):
        token = jwt.encode(claims | change, path.read_text(), algorithm="RS256", headers={"kid": kid})
        answer = browser.get("/api/home", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["reason"]) == (401, reason)


def test_refresh_token_is_good_once(fleet, browser):
    fleet.log_in("bob", client=browser)
    first = browser.cookies["refresh_token"]
    answer = browser.post("/api/auth/refresh")
    assert answer.status_code == 200
    assert browser.cookies["refresh_token"] != first
    assert browser.get("/api/home", headers=bearer(answer)).json()["user"]["name"] == "bob"


def test_refresh_token_that_comes_twice_ends_every_token_of_its_login(fleet, browser):
    fleet.log_in("bob", client=browser)
    stolen = browser.cookies["refresh_token"]
    other = httpx.Client(base_url=fleet.url("gateway"), trust_env=False)
    fleet.log_in("bob", client=other)
    assert browser.post("/api/auth/refresh").status_code == 200

    before = total(fleet, "users", "obskit_auth_attempts_total", reason="reused_refresh_token")
    reused = httpx.post(
        f"{fleet.url('gateway')}/api/auth/refresh", cookies={"refresh_token": stolen}, trust_env=False
    )
    assert (reused.status_code, reused.json()["reason"]) == (401, "reused")
    ended = browser.post("/api/auth/refresh")
    assert (ended.status_code, ended.json()["reason"]) == (401, "revoked"), "the honest one's too"
    assert other.post("/api/auth/refresh").status_code == 200, "another login of the user goes on"
    other.close()
    assert total(fleet, "users", "obskit_auth_attempts_total", reason="reused_refresh_token") == before + 1
    fleet.wait_lines(event="auth.rejected", reason="reused_refresh_token")


def test_refresh_tokens_sent_together_are_accepted_once(fleet, browser):
    fleet.log_in("bob", client=browser)
    token = browser.cookies["refresh_token"]

    def refresh(_):
        url = f"{fleet.url('gateway')}/api/auth/refresh"
        return httpx.post(url, cookies={"refresh_token": token}, trust_env=False, timeout=30).status_code

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(refresh, range(5))) == [200, 401, 401, 401, 401]


def test_logout_ends_the_refresh_token(fleet, browser):
    fleet.log_in("bob", client=browser)
    token = browser.cookies["refresh_token"]
    assert browser.post("/api/auth/logout").status_code == 204
    assert "refresh_token" not in browser.cookies
    browser.cookies.set("refresh_token", token)
    assert browser.post("/api/auth/refresh").json()["reason"] == "revoked"


def test_logout_of_nobody_is_answered_without_the_users_service(fleet, browser):
    def calls():
        page = fleet.http.get(f"{fleet.url('users')}/metrics").text
        return [line for line in page.splitlines() if 'http_route="/logout"' in line and "_count" in line]

    before = calls()
    assert browser.post("/api/auth/logout").status_code == 204
    assert calls() == before


def test_missing_and_unknown_refresh_tokens_are_refused(fleet, browser):
    assert browser.post("/api/auth/refresh").json()["reason"] == "missing"
    browser.cookies.set("refresh_token", "made-up")
    assert browser.post("/api/auth/refresh").json()["reason"] == "unknown"


@pytest.mark.parametrize("name", ["bob", "nobody"])
def test_name_is_locked_after_five_failures_and_open_again_later(fleet, name):
    answers = [fleet.log_in(name, "wrong") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 5
    locked = fleet.log_in(name, fleet.password("bob"))
    assert locked.status_code == 429, "the right password too"
    assert 1 <= int(locked.headers["Retry-After"]) <= 60
    assert {answer.json()["detail"] for answer in answers} == {"The name or the password is wrong."}
    fleet.wait_lines(event="auth.locked_out")
    pass_lock(fleet)
    assert fleet.log_in(name, fleet.password("bob")).status_code == (200 if name == "bob" else 401)


def test_right_password_among_guesses_sent_together_is_not_found(fleet):
    before = total(fleet, "users", "obskit_auth_lockouts_total", auth_method="password")
    url = f"{fleet.url('users')}/login"

    def guess(number):
        password = fleet.password("bob") if number == 29 else f"guess {number}"
        return httpx.post(
            url, json={"name": "bob", "password": password}, trust_env=False, timeout=30
        ).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(guess, range(30)))
    assert 200 not in statuses
    assert statuses.count(429) >= 20
    assert total(fleet, "users", "obskit_auth_lockouts_total", auth_method="password") == before + 1
    pass_lock(fleet)
    assert fleet.log_in("bob").status_code == 200


def test_rotated_key_signs_at_once_and_tokens_of_the_old_one_stay_good(fleet, browser):
    old = fleet.log_in("alice")
    assert browser.get("/api/home", headers=bearer(old)).status_code == 200
    kid = rotate(fleet)
    published = fleet.http.get(f"{fleet.url('users')}/.well-known/jwks.json").json()["keys"]
    assert published[0]["kid"] == kid
    assert not {"d", "p", "q"} & set(published[0]), "no private part"

    new = fleet.log_in("alice")
    assert jwt.get_unverified_header(new.json()["access_token"])["kid"] == kid
    assert browser.get("/api/home", headers=bearer(new)).status_code == 200
    assert browser.get("/api/home", headers=bearer(old)).status_code == 200
    assert fleet.lines(event="keys.changed", service="gateway")[-1]["kids"][0]


def test_key_rotation_wants_the_admin_token(fleet):
    url = f"{fleet.url('users')}/admin/keys"
    assert httpx.post(url, trust_env=False).status_code == 401
    assert httpx.post(url, headers={"Authorization": "Bearer wrong"}, trust_env=False).status_code == 401


def test_tokens_are_checked_without_a_call_to_the_users_service(fleet, browser):
    headers = bearer(fleet.log_in("alice"))
    assert browser.get("/api/home", headers=headers).status_code == 200
    fleet.stop("users")
    try:
        answer = browser.post("/api/orders", json={"sku": "TEA-GREEN", "quantity": 1}, headers=headers)
        assert answer.status_code == 201
        home = browser.get("/api/home", headers=headers).json()
        assert home["user"]["name"] == "alice", "from the token"
        assert home["degraded"] == ["users"]
    finally:
        fleet.start("users")


def test_restart_signs_nobody_out(fleet, browser, until):
    headers = bearer(fleet.log_in("alice", client=browser))
    fleet.stop("users")
    fleet.start("users")
    until(lambda: fleet.is_ready("users"), "users ready again")
    assert browser.get("/api/home", headers=headers).status_code == 200
    until(lambda: browser.post("/api/auth/refresh").status_code == 200, "the refresh token is good still")


def test_no_password_and_no_token_is_in_a_log_line(fleet, browser):
    answer = fleet.log_in("alice", client=browser)
    fleet.log_in("alice", "a-wrong-password")
    secrets = [
        fleet.password("alice"),
        "a-wrong-password",
        answer.json()["access_token"],
        browser.cookies["refresh_token"],
    ]
    fleet.wait_lines(event="auth.rejected", reason="bad_credentials")
    texts = [path.read_text() for path in (fleet.home / "logs").glob("*.jsonl")]
    texts += [path.read_text() for path in fleet.home.glob("*.out")]
    assert not [secret for secret in secrets if any(secret in text for text in texts)]


def test_secrets_are_readable_by_their_owner_only(fleet):
    folder = fleet.home / "secrets"
    files = [folder / "demo_users.json", *(folder / "signing_keys").glob("*.pem")]
    assert len(files) >= 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}

"""Authentication outcomes: the reason of each, guessing, lockouts, and nobody's name."""

import asyncio
import time

import jwt
import pytest

import obskit
from obskit import auth
from obskit.auth import AuthCheck, AuthMethod, Guesses

KEY = "k" * 64
ATTEMPTS = "obskit_auth_attempts_total"


def attempts(captured, method="access_token"):
    outcomes = [("ok", "ok"), *(("failed", reason) for reason in auth.REASONS)]
    counts = {
        reason: captured.value(ATTEMPTS, auth_method=method, outcome=outcome, reason=reason)
        for outcome, reason in outcomes
    }
    assert None not in counts.values(), "every reason is shown from the start"
    return {reason: count for reason, count in counts.items() if count}


def token(key=KEY, **claims):
    return jwt.encode({"sub": "ada@example.org", "aud": "shop", **claims}, key)


def decode(text):
    return jwt.decode(text, KEY, algorithms=["HS256"], audience="shop", options={"require": ["exp"]})


FUTURE = time.time() + 3600


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (token(exp=time.time() - 60), "expired"),
        (token(exp=FUTURE, nbf=FUTURE), "not_yet_valid"),
        (token("x" * 64, exp=FUTURE), "bad_signature"),
        (jwt.encode({"exp": FUTURE}, KEY, algorithm="HS384"), "bad_signature"),
        (token(exp=FUTURE, aud="bank"), "bad_claims"),
        (token(), "bad_claims"),
        ("not.a.token", "malformed"),
        ("", "malformed"),
    ],
)
def test_errors_of_pyjwt_give_the_reason_and_are_raised_on(captured, text, reason):
    with pytest.raises(jwt.PyJWTError), obskit.span("request"), obskit.auth_check("access_token"):
        decode(text)
    assert attempts(captured) == {reason: 1}
    assert captured.span("request").attributes["obskit.auth.reason"] == reason
    (line,) = captured.events("auth.rejected")
    assert (line["method"], line["reason"]) == ("access_token", reason)


def test_good_token_is_ok_and_writes_no_line(captured):
    with obskit.span("request"), obskit.auth_check("access_token"):
        assert decode(token(exp=FUTURE))["aud"] == "shop"
    assert attempts(captured) == {"ok": 1}
    assert captured.span("request").attributes["obskit.auth.reason"] == "ok"
    assert not captured.events("auth.rejected")
    labels = {"auth_method": "access_token", "outcome": "ok"}
    assert captured.value("obskit_auth_duration_seconds_count", **labels) == 1


def test_first_reason_stays_whatever_is_raised_after_it(captured):
    check = obskit.auth_check("refresh_token")

    def refresh():
        with check:
            check.reject("reused_refresh_token")
            check.reject("expired")
            raise PermissionError

    with pytest.raises(PermissionError):
        refresh()
    assert attempts(captured, "refresh_token") == {"reused_refresh_token": 1}
    assert check.reason == "reused_refresh_token"


def test_check_that_could_not_be_made_is_an_error_and_a_caller_that_left_is_nothing(captured):
    with pytest.raises(ConnectionError), obskit.auth_check("access_token"):
        raise ConnectionError("the key server")
    with pytest.raises(asyncio.CancelledError), obskit.auth_check("access_token"):
        raise asyncio.CancelledError
    assert attempts(captured) == {"error": 1}


def test_word_that_is_no_reason_does_not_become_a_label(captured):
    with obskit.auth_check("access_token") as check:
        check.reject("user ada is unknown")
    assert attempts(captured) == {"error": 1}


def test_async_with_is_the_same(captured):
    async def scenario():
        async with obskit.auth_check("api_key") as check:
            check.reject("missing")

    asyncio.run(scenario())
    assert attempts(captured, "api_key") == {"missing": 1}


def test_method_that_is_named_at_import_is_shown_from_init_on():
    obskit.auth_check("one_time_code")
    registry = obskit.init(log_format="none").registry
    labels = {"auth_method": "one_time_code", "outcome": "failed", "reason": "expired"}
    assert registry.get_sample_value(ATTEMPTS, labels) == 0


def test_lockout_is_counted_and_logged(captured):
    with obskit.auth_check("password") as check:
        check.reject("bad_credentials")
        check.lock_out()
    assert captured.value("obskit_auth_lockouts_total", auth_method="password") == 1
    assert captured.events("auth.locked_out")[0]["method"] == "password"


def test_guessing_is_noticed_and_no_signal_names_the_subject(captured):
    def fail(subject):
        with obskit.span("login"), obskit.auth_check("pin", subject=subject) as check:
            check.reject("bad_credentials")

    for _ in range(4):
        fail("ada@example.org")
        fail("bob@example.org")
    assert captured.value("obskit_auth_brute_force_total", auth_method="pin") == 0
    fail("ada@example.org")
    assert captured.value("obskit_auth_brute_force_total", auth_method="pin") == 1
    (line,) = captured.events("auth.brute_force_suspected")
    assert (line["failures"], line["within_s"]) == (5, 300)
    seen = repr(captured.lines) + repr([span.attributes for span in captured.spans])
    seen += repr(list(captured.telemetry.registry.collect()))
    assert "example.org" not in seen


def test_getting_in_clears_the_failures_before_it(captured):
    method = AuthMethod("password", obskit.init, Guesses(failures=2))
    for reason in ("bad_credentials", None, "bad_credentials"):
        with AuthCheck(method, "ada") as check:
            if reason:
                check.reject(reason)
    assert not captured.events("auth.brute_force_suspected")

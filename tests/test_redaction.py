"""Secrets go, what only looks like one stays; also with inputs that Hypothesis makes up."""

import json
import os
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.redaction import MARKER, is_secret_key, may_hold_secret, redact_text

EXAMPLES = int(os.environ.get("OBSKIT_EXAMPLES", "60"))

# fmt: off
SECRET_KEYS = [
    "password", "passwd", "db_password", "PGPASSWORD", "passwordHash", "pwd", "passphrase", "secret",
    "secrets", "client_secret", "clientSecret", "token", "access_token", "accessToken", "refresh-token",
    "authtoken", "csrf.token", "id_token", "api_key", "apikey", "apiKey", "APIKey", "X-Api-Key",
    "authorization", "Proxy-Authorization", "cookie", "cookies", "Set-Cookie", "session_id", "sessionId",
    "sessionid", "private_key", "credit_card", "creditCardNumber", "card_number", "cardNumber", "cvv",
    "cvv2", "ssn", "secret_key", "signing_key", "credentials", "jwt",
]
PLAIN_KEYS = [
    "author", "authority", "authored_by", "max_tokens", "token_count", "tokens", "prompt_tokens",
    "secretary", "tokenizer", "discard", "card", "session", "passed", "bypass", "compass", "passenger",
    "has_password", "password_changed_at", "token_type", "route", "status", "user_id", "key", "monkey",
    "is_secret", "token_url",
]
# fmt: on

TEXTS = {
    "https://user:pw@shop.test/x": "https://[redacted]@shop.test/x",
    "postgresql+asyncpg://app:p@ss@db/shop": "postgresql+asyncpg://[redacted]@db/shop",
    "error: password=hunter2": "error: password=[redacted]",
    "password: letmein, again": "password: [redacted] again",
    "token: 5f3a9c": "token: [redacted]",
    "GET /orders?token=abc&page=2": "GET /orders?token=[redacted]&page=2",
    "Authorization: Basic dXNlcjpwdw==": "Authorization: [redacted]",
    "authorization=Basic dXNlcjpwdw==": "authorization=[redacted]",
    "Cookie: a=b; c=d\nHost: x": "Cookie: [redacted]\nHost: x",
    "sent Bearer abc.def": "sent Bearer [redacted]",
    "sent BEARER abc.def": "sent BEARER [redacted]",
    "{'password': 'a b', 'x': 1}": "{'password': [redacted], 'x': 1}",
    r'{"password": "a\"b", "x": 1}': '{"password": [redacted], "x": 1}',
    r"{\"password\": \"abc\"}": r"{\"password\": [redacted]}",
    "password=b'hunter2' x": "password=[redacted] x",
    "User(password=Hidden('hunter2'), name='x')": "User(password=[redacted], name='x')",
    "secrets={'a': 'b', 'c': 'd'} end": "secrets=[redacted] end",
    "API key: sk-1": "API key: [redacted]",
    "the secret is token=abc": "the secret is token=[redacted]",
    'f("password=hunter2")\nValueError: "x"': 'f("password=[redacted]")\nValueError: "x"',
    "paid with 4111 1111 1111 1111 12/25": "paid with [redacted] 12/25",
    "5 4111-1111-1111-1111": "5 [redacted]",
    "amex 378282246310005": "amex [redacted]",
    "amex 3782 822463 10005": "amex [redacted]",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc": "[redacted]",
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- x": "[redacted] x",
    "-----BEGIN PRIVATE KEY-----\nabc": "[redacted]",
}
HARMLESS = [
    "author: bob, author=bob, max_tokens=100, token_count: 5",
    "Unexpected token: comma",
    "bearer token missing",
    "token=None secret: null",
    "order 4111111111111112 at 1700000000000",
    "ratio 0.4111111111111111",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "mail bob@shop.test about https://shop.test/@bob",
    "12:30:01 card accepted",
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_keys_that_name_a_secret(key):
    assert is_secret_key(key)
    assert is_secret_key(key.encode())


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_keys_that_only_look_like_it(key):
    assert not is_secret_key(key)


@pytest.mark.parametrize("key", [None, 1, 2.5, ("token",), ""])
def test_keys_that_are_no_text_name_nothing(key):
    assert not is_secret_key(key)


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_takes_secrets_out_of_texts(text, expected):
    assert redact_text(text) == expected


@pytest.mark.parametrize("text", HARMLESS)
def test_leaves_harmless_texts(text):
    assert redact_text(text) == text


@pytest.mark.parametrize("text", TEXTS)
def test_a_second_time_changes_nothing(text):
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize("text", TEXTS)
def test_the_cheap_look_misses_none_of_them(text):
    assert may_hold_secret(json.dumps(text).encode())


def test_the_marker_says_nothing_about_the_secret():
    assert redact_text("password=a") == redact_text("password=abcdefgh") == f"password={MARKER}"


words = st.text(string.ascii_letters + string.digits + "-_~+/", min_size=8, max_size=40).map(
    lambda word: f"S3{word}x9"
)
prose = st.text(st.characters(codec="utf-8", exclude_characters="\"'\\"), max_size=30).map(
    lambda text: f"{text} "
)
forms = st.sampled_from(
    [
        "{key}={secret}",
        "{key}: {secret}",
        '{key}: "{secret}"',
        "?x=1&{key}={secret}&y=2",
        "{{'{key}': '{secret}'}}",
    ]
)


def card(body):
    """Return *body* with its check digit."""
    total = sum(sum(divmod(2 * int(digit), 10)) for digit in body[::-2]) + sum(
        int(digit) for digit in body[-2::-2]
    )
    return f"{body}{-total % 10}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(SECRET_KEYS), words, forms, prose, prose)
def test_no_secret_survives_beside_its_key(key, secret, form, before, after):
    text = before + form.format(key=key, secret=secret) + " " + after
    assert secret not in redact_text(text)
    assert may_hold_secret(json.dumps(text, ensure_ascii=False).encode())


@settings(max_examples=EXAMPLES, deadline=None)
@given(words, words, prose, prose)
def test_no_password_survives_in_an_address(user, password, before, after):
    text = f"{before}amqp://{user.replace('/', '')}:{password.replace('/', '')}@broker:5672/v {after}"
    assert password.replace("/", "") not in redact_text(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.from_regex(r"[3-6][0-9]{14}", fullmatch=True).map(card), st.sampled_from(["", " ", "-"]), prose)
def test_no_card_number_survives(number, separator, around):
    shown = separator.join(number[start : start + 4] for start in range(0, 16, 4))
    redacted = redact_text(f"{around}{shown} {around}")
    assert shown not in redacted
    assert may_hold_secret(json.dumps(f"{around}{shown}", ensure_ascii=False).encode())


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.sampled_from(["token", "=", ":", " ", "'", '"', "a", "4111", "://", "@", "eyJ", ".", "(", "["]),
        max_size=30,
    )
)
def test_the_cheap_look_sees_whatever_the_close_look_changes(parts):
    text = "".join(parts)
    if redact_text(text) != text:
        assert may_hold_secret(json.dumps(text).encode())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_looked_at(text):
    assert isinstance(redact_text(text), str)

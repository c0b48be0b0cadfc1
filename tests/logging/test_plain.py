"""Whatever a program logs becomes one line of JSON that holds none of its secrets."""

import dataclasses
import decimal
import enum
import json
import os
import string
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.config import Settings
from obskit.logging._plain import plain_fields
from obskit.logging._render import LINE_BYTES, Renderer

EXAMPLES = int(os.environ.get("OBSKIT_EXAMPLES", "60"))
STAMP = "2026-11-22T00:00:00.000000Z"


@dataclasses.dataclass
class Login:
    user: str
    password: str
    _cache: object = None


class Mood(enum.Enum):
    GOOD = "good"


class Broken:
    def __repr__(self):
        raise RuntimeError("no text")


class Point(NamedTuple):
    x: int
    token: str


def render(fields, event="order.created"):
    renderer = Renderer(Settings.load({"service": "orders"}, environ={}))
    line, _, _ = renderer.line(STAMP, "info", event, "test", "", fields)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Path("/a/b"), "/a/b"),
        (decimal.Decimal("1.50"), "1.50"),
        (b"raw \xff", "raw \\xff"),
        ((1, "a"), [1, "a"]),
        (frozenset({1}), [1]),
        (Mood.GOOD, "good"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Login("bob", "hunter2"), {"user": "bob", "password": "[redacted]"}),
        (Point(1, "abc"), {"x": 1, "token": "[redacted]"}),
        (10**30, "1" + "0" * 30),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        (float("nan"), None),
        (ValueError("token=abc"), "ValueError: token=[redacted]"),
        (4111111111111111, "[redacted]"),
        (1700000000000000000, 1700000000000000000),
        (True, True),
    ],
    ids=repr,
)
def test_values_that_json_does_not_know(value, expected):
    assert render({"value": value})["value"] == expected


def test_an_object_without_a_text_does_not_cost_the_line():
    assert "Broken" in render({"value": Broken(), "n": 1})["value"]


def test_keys_that_are_no_text():
    assert render({"map": {1: "a", None: "b", b"password": "c", (1, 2): "d"}})["map"] == {
        "1": "a",
        "None": "b",
        "password": "[redacted]",
        "(1, 2)": "d",
    }


def test_an_object_inside_itself_ends():
    loop = {"name": "loop"}
    loop["self"] = loop
    assert "[too deep]" in json.dumps(render(loop))


def test_secrets_at_any_depth():
    fields = {"request": {"headers": [{"Set-Cookie": "s3cr3t"}, ("x", {"deep": {"apiKey": ["s3cr3t"]}})]}}
    line = render(fields)
    assert "s3cr3t" not in json.dumps(line)
    assert line["request"]["headers"][1][1]["deep"]["apiKey"] == "[redacted]"


def test_flags_about_secrets_are_kept():
    assert render({"password": None, "token": True})["password"] is None


def test_secrets_in_the_event():
    assert (
        render({}, event="login with password=hunter2 failed")["event"]
        == "login with password=[redacted] failed"
    )


def test_harmless_fields_are_kept():
    fields = {"author": "bob", "authority": "city", "max_tokens": 100, "token_count": 5, "secretary": "ann"}
    fields |= {"url": "https://shop.test/a?page=1", "email": "bob@shop.test", "took": 0.4111111111111111}
    line = render(fields)
    assert {name: line[name] for name in fields} == fields


def test_a_line_that_is_too_long_keeps_its_short_fields():
    line = render({"order_id": "o-1", "body": "x" * LINE_BYTES, "rows": list(range(100_000))})
    assert line["order_id"] == "o-1"
    assert line["rows"] == "[too large]"
    assert len(json.dumps(line)) < 5000


def test_an_event_that_is_too_long_is_cut():
    assert len(render({}, event="x" * LINE_BYTES)["event"]) < 5000


def test_a_line_of_too_many_fields_is_cut():
    line = render({f"field_{number}": "x" * 300 for number in range(5000)})
    assert len(json.dumps(line)) < LINE_BYTES


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.uuids(),
    st.decimals(),
    st.builds(object),
    st.builds(Broken),
    st.text(st.characters(codec=None), max_size=5),
)
keys = st.one_of(st.text(), st.integers(), st.binary(), st.none(), st.tuples(st.integers()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.text(st.characters(codec=None)),
    st.dictionaries(st.text(st.characters(codec=None), max_size=10), values, max_size=5),
)
def test_everything_becomes_one_line_of_json(event, fields):
    reserved = {"timestamp", "level", "event", "service", "environment", "version", "logger"}
    line = render({name: value for name, value in fields.items() if name not in reserved}, event)
    assert reserved <= line.keys()


secrets = st.text(string.ascii_letters + string.digits, min_size=12, max_size=30).map(
    lambda text: f"S3{text}x9"
)
names = st.sampled_from(
    ["password", "apiKey", "Set-Cookie", "access_token", "client_secret", "card_number", b"token"]
)
carriers = st.sampled_from(
    ["password={}", "Authorization: Bearer {}", "https://bob:{}@db/x", "/login?token={}", "api_key: '{}'"]
)


@st.composite
def planted(draw):
    """A value somewhere in which a secret is planted, and the secret."""
    secret = draw(secrets)
    value = draw(
        st.one_of(names.map(lambda name: {name: secret}), carriers.map(lambda text: text.format(secret)))
    )
    for wrap in draw(st.lists(st.sampled_from("dltb"), max_size=5)):
        value = {"d": {"deep": value, "author": "bob"}, "l": [1, value], "t": (value, None), "b": {1: value}}[
            wrap
        ]
    return secret, value


@settings(max_examples=EXAMPLES, deadline=None)
@given(planted(), st.text(max_size=20))
def test_no_planted_secret_survives(plant, note):
    secret, value = plant
    line = render({"note": note, "author": "bob", "max_tokens": 100, "value": value})
    assert secret not in json.dumps(line)
    assert (line["author"], line["max_tokens"]) == ("bob", 100)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.dictionaries(
        st.text(string.ascii_lowercase + "_:=@", min_size=1), st.one_of(st.text(), st.integers()), max_size=4
    )
)
def test_the_fast_way_writes_what_the_careful_way_writes(fields):
    fields = {f"x_{name}": value for name, value in fields.items()}
    line = render(fields)
    assert json.loads(json.dumps(plain_fields(fields))) == {name: line[name] for name in plain_fields(fields)}

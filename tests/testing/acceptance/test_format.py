"""A file of checks is read, or refused by the place of what is wrong."""

import pytest

from obskit.errors import ConfigError
from obskit.testing.acceptance import load_checks, parse_checks

GET = {"request": "GET /orders"}


def test_short_and_long_form_of_a_request_are_the_same():
    short, long = parse_checks(
        {"checks": [{"request": "POST /orders"}, {"request": {"method": "POST", "path": "/orders"}}]}, {}
    )

    assert short.request == long.request
    assert short.name == "POST /orders"


def test_variables_go_into_headers_and_are_not_shown():
    (check,) = parse_checks(
        {"checks": [{"request": {"path": "/", "headers": {"authorization": "Bearer ${TOKEN}"}}}]},
        {"TOKEN": "t-1"},
    )

    assert check.request.headers == {"authorization": "Bearer t-1"}
    assert "t-1" not in repr(check)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "the file: nothing was found; a mapping is wanted that has the keys checks."),
        ({"check": []}, "the file: 'check' is not a key here; did you mean checks? accepted are checks."),
        ({"checks": []}, "checks: is empty; write at least one check."),
        ({"checks": {}}, "checks: a mapping was found; a list is wanted, each item behind a dash."),
        ({"checks": ["GET /"]}, "checks[0]: a text was found; a mapping is wanted"),
        ({"checks": [GET, {}]}, "checks[1]: has no request; write one such as request: GET /orders."),
        ({"checks": [GET | {"stauts": 200}]}, "checks[0]: 'stauts' is not a key here; did you mean status?"),
        (
            {"checks": [{"request": "get /orders"}]},
            "checks[0].request.method: 'get' is not a method; use one in capitals",
        ),
        ({"checks": [{"request": "GET orders"}]}, "checks[0].request.path: 'orders' does not begin with /"),
        (
            {"checks": [{"request": {"path": "/", "json": 1, "body": "1"}}]},
            "checks[0].request: has json and body",
        ),
        (
            {"checks": [{"request": {"path": "/", "headers": {"a": "${NO_SUCH}"}}}]},
            "checks[0].request.headers.a: the variable NO_SUCH is not set",
        ),
        ({"checks": [GET | {"status": 42}]}, "checks[0].status: 42 is not a status; use 100 to 599, 2xx, or"),
        ({"checks": [GET | {"status": "ok"}]}, "checks[0].status: 'ok' is not a status"),
        ({"checks": [GET | {"status": {"one_of": 200}}]}, "checks[0].status.one_of: 200 is not a list"),
        (
            {"checks": [GET | {"headers": {"a": {"matches": "("}}}]},
            "checks[0].headers.a.matches: '(' is not a regular expression",
        ),
        ({"checks": [GET | {"headers": {"a": {"present": "yes"}}}]}, "'yes' is neither true nor false"),
        (
            {"checks": [GET | {"span": {"a": {"present": True, "matches": "b"}}}]},
            "checks[0].span.a: has 2 keys (present, matches); use one of",
        ),
        ({"checks": [GET | {"metrics": [{"change": 1}]}]}, "checks[0].metrics[0]: has no metric"),
        (
            {"checks": [GET | {"metrics": [{"metric": "a", "change": "more"}]}]},
            "checks[0].metrics[0].change: 'more' is not a change; use a number, or at_least: 1.",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(document, says):
    with pytest.raises(ConfigError) as caught:
        parse_checks(document, {})

    assert says in str(caught.value)


def test_file_that_is_missing_or_no_yaml_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"checks\.yaml cannot be read"):
        load_checks(tmp_path / "checks.yaml")
    (tmp_path / "checks.yaml").write_text("checks:\n  - {")
    with pytest.raises(ConfigError, match=r"checks\.yaml is not YAML in line 2"):
        load_checks(tmp_path / "checks.yaml")

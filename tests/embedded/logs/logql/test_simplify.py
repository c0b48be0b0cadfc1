"""Loki replaces some regular expressions by text searches, and loses the anchors of a label filter by it."""

import pytest

from obskit.embedded.logs.logql._simplify import EVERYTHING, simplified


@pytest.mark.parametrize(
    ("expression", "text", "matches"),
    [
        ("Time.*", "xTimeout", True),
        ("foo|foobar", "xfoo", True),
        ("info|warning", "xinfo", False),
        ("info|warning", "info", True),
        ("(?i)ERR.*", "an error", True),
        ("(?i)user-1", "USER-1", True),
        ("foo|", "", False),
        (".+", "", False),
        ("ab(c|de).*", "xabde", True),
    ],
)
def test_knows_lokis_text_searches(expression, text, matches):
    test = simplified(expression, is_label=True)
    assert test is not None
    assert bool(test(text)) is matches


@pytest.mark.parametrize(
    "expression", ["user-1|user-2", "a.*b", "5..", "^foo$", "[ab].*", "a|b", "x{2}", "foo.+", "(", "(?P<n>a)"]
)
def test_leaves_other_expressions_alone(expression):
    assert simplified(expression, is_label=True) is None


@pytest.mark.parametrize("expression", ["", ".*"])
def test_knows_what_matches_everything(expression):
    assert simplified(expression, is_label=True) is EVERYTHING


def test_bears_deep_nesting():
    assert simplified("(" * 500 + "a" + ")" * 500, is_label=False) is None

import pytest

from obskit.embedded.traces.traceql import QueryError
from obskit.embedded.traces.traceql._strings import matcher, unquote


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"plain"', "plain"),
        ('""', ""),
        (r'"a\tb\n\"c\" \\"', 'a\tb\n"c" \\'),
        (r'"\x41\u00e9\U0001f600\101"', "Aé😀A"),
        (r"`a\tb`", r"a\tb"),
        ("`a\r\nb`", "a\nb"),
    ],
)
def test_reads_literals_as_go(literal, text):
    assert unquote(literal) == text


@pytest.mark.parametrize("literal", [r'"\d"', r'"\'"', r'"\x4"', r'"\ud800"', r'"\U00110000"', r'"\9"'])
def test_refuses_escapes_that_go_does_not_know(literal):
    with pytest.raises(QueryError, match="escape"):
        unquote(literal)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("gate.*", "gateway", True),
        ("gate", "gateway", False),
        ("a|b", "b", True),
        ("a|b", "ab", False),
        ("a.c", "a\nc", True),
        ("(?i)post", "POST", True),
        ("^a$", "a", True),
        ("", "", True),
        ("", "a", False),
        (r"\pL+", "éß", True),
    ],
)
def test_matches_whole_texts(pattern, text, matches):
    assert matcher(pattern)(text) is matches

import pytest

from obskit.embedded.logs.logql._logfmt import LogfmtError, pairs_of


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ('a=1 b="x y" c', [("a", "1"), ("b", "x y"), ("c", "")]),
        ('a="q \\"z\\" \\u00e9"', [("a", 'q "z" é')]),
        ("a= b=2", [("a", ""), ("b", "2")]),
        ('=1 "x" a=b=c d=4', [("d", "4")]),
        ('a="open', []),
        ("", []),
        ("  \t ", []),
        ('a="bad \\q" b=1', [("b", "1")]),
    ],
)
def test_takes_the_pairs_and_skips_the_rest(line, pairs):
    assert list(pairs_of(line, strict=False)) == pairs


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("=1", "logfmt syntax error at pos 1 : unexpected '='"),
        ('é "x"', "logfmt syntax error at pos 4 : unexpected '\"'"),
        ('a="x', "logfmt syntax error at pos 5 : unterminated quoted value"),
    ],
)
def test_reads_strictly_when_asked_to(line, problem):
    with pytest.raises(LogfmtError) as raised:
        list(pairs_of(line, strict=True))
    assert str(raised.value) == problem

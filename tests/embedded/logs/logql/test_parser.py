import pytest

from obskit.embedded.logs._errors import ParseError, QueryError, RefusedError
from obskit.embedded.logs.logql import _ast, parse, parse_logs, parse_matchers


def filter_of(text):
    return parse(f'{{a="b"}} | {text}').stages[0].filter


def shape(part):
    if isinstance(part, _ast.Combined):
        return (part.op, shape(part.left), shape(part.right))
    return part.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1 and b=2 or c=3", ("or", ("and", "a", "b"), "c")),
        ("a=1 or b=2 and c=3", ("or", "a", ("and", "b", "c"))),
        ("a=1, b=2 or c=3", ("and", "a", ("or", "b", "c"))),
        ("a=1 b=2 or c=3", ("and", "a", ("or", "b", "c"))),
        ("a=1 or b=2, c=3 or d=4", ("or", "a", ("and", "b", ("or", "c", "d")))),
        ("(a=1 or b=2) and c=3", ("and", ("or", "a", "b"), "c")),
    ],
)
def test_label_filters_group_as_in_loki(text, expected):
    assert shape(filter_of(text)) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", 4),
        ("10 % 4 - 1", 1),
        ("(1 + 2) * 3", 9),
        ("1 > 2", 0),
        ("3 / 0 == 1", 0),
    ],
)
def test_numbers_are_calculated_with_precedence(text, value):
    assert parse(text) == _ast.Literal(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "syntax error: unexpected $end"),
        ("{", "unexpected $end"),
        ("{a=b}", "unexpected IDENTIFIER, expecting STRING"),
        ('rate({a="b"}[5])', "not a valid duration string"),
        ('rate({a="b"}[5m', "missing closing ']' in duration"),
        ('{a="b"} | line_format "x', "literal not terminated"),
        ('topk({a="b"})', "unexpected )"),
        ('topk(sum(rate({a="b"}[1m])))', "parameter required for operation topk"),
        ('topk(0, rate({a="b"}[1m]))', "must be greater than 0"),
        ('sum(2, rate({a="b"}[1m]))', "unsupported parameter for operation sum"),
        (
            'quantile_over_time({a="b"} | unwrap x [1m])',
            "parameter required for operation quantile_over_time",
        ),
        ('sum_over_time({a="b"}[1m])', "invalid aggregation sum_over_time without unwrap"),
        ('count_over_time({a="b"} | unwrap x [1m])', "invalid aggregation count_over_time with unwrap"),
        ('rate({a="b"}[1m]) by (x)', "grouping not allowed for rate aggregation"),
        ('sort(rate({a="b"}[1m])) by (x)', "sort and sort_desc doesn't allow grouping"),
        ('{a="b"} and {c="d"}', "unexpected type for left leg of binary operation"),
        ('1 or rate({a="b"}[1m])', "unexpected literal for left leg of logical/set binary operation"),
        ("{a='b'}", "literal not terminated"),
        ('{a="b"} ;', "unexpected IDENTIFIER"),
    ],
)
def test_says_what_is_wrong_with_a_query(text, problem):
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{a="b"} |> "x <_>"', "|>"),
        ('{a="b"} !> "x <_>"', "!>"),
        ('{a="b"} |= ip("1.2.3.4")', "ip()"),
        ('{a="b"} | addr = ip("1.2.3.4/8")', "ip()"),
        ('{a="b"} | unpack', "unpack"),
        ('approx_topk(3, rate({a="b"}[1m]))', "approx_topk"),
        ('variants(count_over_time({a="b"}[1m])) of ({a="b"}[1m])', "variants"),
    ],
)
def test_refuses_by_name_what_only_loki_does(text, named):
    with pytest.raises(RefusedError) as raised:
        parse(text)
    assert named in str(raised.value)
    assert "Loki does" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000,
        "sum(" * 200 + "1" + ")" * 200,
        "vector(1)" + "+vector(1)" * 3_000,
        '{a="b"} | ' + " or ".join(["x=1"] * 3_000),
        '{a="b"}' + ' |= "x"' * 5_000,
        '{a="b"} |= "x"' + ' or "y"' * 5_000,
        "x" * 200_000,
    ],
)
def test_refuses_what_is_too_deep_or_too_long(text):
    with pytest.raises(QueryError):
        parse(text)


def test_function_names_are_labels_elsewhere():
    assert parse_matchers('{rate="1", sum="2", bytes="3"}')[0].name == "rate"


def test_comments_and_newlines_are_blanks():
    assert parse('{a="b"} # the app\n | json # all') == parse('{a="b"}|json')


def test_a_metric_query_is_no_log_selector():
    with pytest.raises(QueryError, match="only log selector is supported"):
        parse_logs('rate({a="b"}[1m])')


def test_stages_are_no_matchers():
    with pytest.raises(QueryError, match="only label matchers are supported"):
        parse_matchers('{a="b"} |= "x"')

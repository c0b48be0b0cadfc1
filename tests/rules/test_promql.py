"""The cutting of PromQL into tokens is held against promql-parser's syntax tree."""

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.rules import rescale_promql

_FACTOR = 60


def _faster(milliseconds):
    return milliseconds // _FACTOR


def _slower(milliseconds):
    return milliseconds * _FACTOR


def _ms(delta):
    return round(delta.total_seconds() * 1000)


def _times(expression):
    """List every duration of the syntax tree, with what it is."""
    found = []

    def visit(node):
        kind = type(node).__name__
        if kind in {"MatrixSelector", "SubqueryExpr"}:
            found.append(("range", _ms(node.range)))
        if kind in {"VectorSelector", "SubqueryExpr"} and node.offset is not None:
            found.append(("offset", _ms(node.offset)))
        if kind == "SubqueryExpr" and node.step is not None:
            found.append(("step", _ms(node.step)))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def _shape(expression):
    """Print the syntax tree with all its durations the same."""
    return str(
        promql_parser.parse(rescale_promql(expression, window=lambda _: 60_000, shift=lambda _: 60_000))
    )


_durations = st.sampled_from(["1m", "5m", "1h", "1h30m", "2d", "3w", "6m", "1m30s", "90m"])
_blank = st.sampled_from(["", " ", "\n  ", " # [5m] offset 5m \"'`\n"])
# Texts that hold what a careless rewriter would take for a duration.
_values = st.sampled_from(
    ["ok", "[5m]", "x offset 5m", "it's", r"a\\", r"\"[1h:5m]\"", "# [5m]", "ratio_rate5m", "0.5", "1h"]
)
_names = st.sampled_from(["up", "offset", "service:x:rate5m", "a5m", "by_1h", "offset_5m", "le"])
_labels = st.sampled_from(["le", "offset", "service_name", "m5"])


@st.composite
def _matchers(draw):
    pairs = draw(st.lists(st.tuples(_labels, st.sampled_from(["=", "!=", "=~"]), _values), max_size=2))
    texts = []
    for label, operator, value in pairs:
        regular = "a.*" if operator == "=~" else value
        texts.append(f'{label}{operator}"{regular}"')
    return "{" + ", ".join(texts) + "}" if texts else ""


@st.composite
def _offset(draw):
    if draw(st.booleans()):
        return ""
    word = draw(st.sampled_from(["offset", "OFFSET", "Offset"]))
    sign = draw(st.sampled_from(["", "-", "- "]))
    return f" {word}{draw(_blank) or ' '}{sign}{draw(_durations)}"


@st.composite
def _selectors(draw):
    return draw(_names) + draw(_matchers()) + draw(_offset())


@st.composite
def _ranges(draw):
    spaces = draw(st.sampled_from(["", " "]))
    return f"rate({draw(_names)}{draw(_matchers())}[{spaces}{draw(_durations)}{spaces}]{draw(_offset())})"


def _larger(inner):
    colon = st.sampled_from([":", " : "])
    step = st.one_of(st.just(""), _durations)
    return st.one_of(
        st.builds(
            lambda expr, long, mark, short, late: f"max_over_time(({expr})[{long}{mark}{short}]{late})",
            inner,
            _durations,
            colon,
            step,
            _offset(),
        ),
        st.builds(lambda expr, label: f"sum by (offset, {label}) ({expr})", inner, _labels),
        st.builds(
            lambda left, operator, right, space: f"({left}{space}){operator}{space}({right})",
            inner,
            st.sampled_from(["+", " / ", " and ", " > bool ", " unless on (offset) ", " ^ "]),
            inner,
            _blank,
        ),
        st.builds(lambda expr: f"({expr}) * 14.4e-3 > 5", inner),
        st.builds(lambda expr: f"-({expr}) @ end()" if expr[-1].isalnum() else f"-({expr})", inner),
    )


def _parses(expression):
    try:
        promql_parser.parse(expression)
    except ValueError:
        return False
    return True


_expressions = st.recursive(st.one_of(_selectors(), _ranges()), _larger, max_leaves=6).filter(_parses)


@settings(max_examples=300, deadline=None)
@given(_expressions)
def test_scales_every_duration_of_the_syntax_tree_and_no_other_text(expression):
    slower = rescale_promql(expression, window=_slower, shift=_slower)

    assert _times(slower) == [(kind, _slower(ms)) for kind, ms in _times(expression)]
    assert _shape(slower) == _shape(expression)
    assert _times(rescale_promql(slower, window=_faster, shift=_faster)) == _times(expression)


@settings(max_examples=100, deadline=None)
@given(_expressions)
def test_ranges_and_offsets_have_their_own_scale(expression):
    scaled = rescale_promql(expression, window=lambda _: 7_000, shift=lambda _: 3_000)

    assert {abs(ms) for kind, ms in _times(scaled) if kind == "range"} <= {7_000}
    assert {abs(ms) for kind, ms in _times(scaled) if kind != "range"} <= {3_000}


@pytest.mark.parametrize(
    ("expression", "faster"),
    [
        ('rate(x{a="[5m]"}[5m])', 'rate(x{a="[5m]"}[5s])'),
        ("service:x:ratio_rate5m > 5", "service:x:ratio_rate5m > 5"),
        ("x offset -1h # offset 1h", "x offset -1m # offset 1h"),
        ("max_over_time(up[1h:])", "max_over_time(up[1m:])"),
        ("max_over_time(up[1h:5m] offset 30m)", "max_over_time(up[1m:5s] offset 30s)"),
        ("rate( x [ 5m ] )", "rate( x [ 5s ] )"),
        ("sum by (offset) (x) @ 1609746000 offset 5m", "sum by (offset) (x) @ 1609746000 offset 5s"),
        ("'it''s' + `[5m]`", "'it''s' + `[5m]`"),
    ],
)
def test_keeps_names_strings_comments_and_layout(expression, faster):
    assert rescale_promql(expression, window=_faster, shift=_faster) == faster


@pytest.mark.parametrize(
    "expression", ["rate(x[300])", "rate(x[5m * 2])", "rate(x[$__rate_interval])", "x[]"]
)
def test_refuses_a_range_whose_scale_it_does_not_know(expression):
    with pytest.raises(ValueError, match="is not a plain duration"):
        rescale_promql(expression, window=_faster, shift=_faster)


def test_refuses_an_offset_in_plain_numbers():
    with pytest.raises(ValueError, match="'300' is not a duration"):
        rescale_promql("x offset 300", window=_faster, shift=_faster)

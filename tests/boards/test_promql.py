from datetime import timedelta

import pytest

from obskit.boards import _promql as promql


def test_variables_are_found_in_every_form_and_capture_groups_are_not():
    text = 'a{b=~"$one"}[$__rate_interval] ${two} ${three:pipe} ${__field.labels.x} [[four]] "${1}xx"'
    assert promql.variables(text) == {"one", "two", "three", "four", "__rate_interval", "__field"}


def test_filled_takes_given_values_and_matches_everything_else():
    assert promql.filled('{a="$one", b=~"${two:pipe}"}', {"one": "x"}) == '{a="x", b=~".+"}'


def test_a_window_from_a_variable_is_told_from_a_typed_one():
    found = promql.windows(
        "rate(a_total[$__rate_interval]) + increase(b_total[$__range]) + rate(c_total[5m])"
    )
    assert [(one.function, one.metric, one.window) for one in found] == [
        ("rate", "a_total", promql.RATE_INTERVAL),
        ("increase", "b_total", promql.RANGE),
        ("rate", "c_total", timedelta(minutes=5)),
    ]


def test_names_labels_and_made_labels_are_read():
    expr = 'sum by (x) (label_replace(a{b="c"}, "x", "$1", "b", "(.*)")) / on (y) group_left (z) d'
    assert {one.metric for one in promql.selectors(expr)} == {"a", "d"}
    assert promql.grouped(expr) == {"x", "y", "z"}
    assert promql.made(expr) == {"x"}


def test_divisions_are_found_inside_functions():
    (above, below), *more = promql.divisions("clamp_min(a / (b > 0), 0)")
    assert not more
    assert promql.has_operator(below, ">")
    assert not promql.has_operator(above, ">")


def test_what_is_not_promql_is_refused():
    with pytest.raises(ValueError, match="rate"):
        promql.parsed("rate(a_total)")

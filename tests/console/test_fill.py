import pytest

from obskit.console._fill import Single, fill, times
from obskit.console._window import Window


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('{a=~"$service"}', '{a=~"(orders|users)"}'),
        ('{a=~"${service}"}', '{a=~"(orders|users)"}'),
        ('{a=~"[[service]]"}', '{a=~"(orders|users)"}'),
        ("${service:pipe}", "orders|users"),
        ("${service:csv}", "orders,users"),
        ("${service:json}", '["orders", "users"]'),
        ("$one", "a.b"),
        ("$dots", "a\\\\.b"),
        ("$unknown ${unknown} $1", "$unknown ${unknown} $1"),
        ("$none", ""),
    ],
)
def test_variables_are_filled_in_as_grafana_does(text, filled):
    values = {"service": ("orders", "users"), "one": "a.b", "dots": ("a.b",), "none": ()}
    assert fill(text, values) == filled


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        (("orders", "users"), "var-service=orders&var-service=users"),
        (Single(["a&b=c d"]), "var-service=a%26b%3Dc%20d"),
        (".+", "var-service=%24__all"),
        ((), ""),
    ],
)
def test_a_variable_goes_on_to_the_next_address_as_its_parameters(value, parameters):
    assert fill("/d/x?${service:queryparam}", {"service": value}) == f"/d/x?{parameters}"


def test_a_chosen_value_cannot_leave_its_string():
    assert fill('{a=~"$x"}', {"x": ('b"} or {c="d',)}) == '{a=~"b\\"\\\\} or \\\\{c=\\"d"}'


def test_the_times_of_a_query_are_built_in():
    built_in = times(Window(1000, 4600), 15, 5)
    assert fill("[$__rate_interval] [$__interval] [$__range] $__from ${__to}", built_in) == (
        "[20s] [15s] [3600s] 1000000 4600000"
    )


def test_what_has_one_value_is_a_text_and_no_pattern():
    values = {"call": Single(["/api/orders?mode=sync"]), "quoted": Single(['a"b'])}

    assert fill('{url_template="$call"}', values) == '{url_template="/api/orders?mode=sync"}'
    assert fill('{x="$quoted"}', values) == '{x="a\\"b"}'
    assert fill('{x=~"${call:regex}"}', values) == '{x=~"/api/orders\\\\?mode=sync"}'

from obskit.pager._alerts import firing, moved, short

# As Alertmanager 0.25 sent it.
DEFAULT = (
    "Labels:\n - alertname = AvailabilityBudgetBurn\n - long_window = 1h\n - service_name = orders\n"
    "Annotations:\n - description = 35 % of\nrequests fail\n - summary = orders burns budget\nSource: \n"
    "Labels:\n - alertname = AvailabilityBudgetBurn\n - long_window = 6h\n - service_name = orders\n"
    "Annotations:\nSource: \n"
)
SHORT = 'AvailabilityBudgetBurn{long_window="1h", service_name="orders"}'
LONG = 'AvailabilityBudgetBurn{long_window="6h", service_name="orders"}'


def test_reads_alertmanagers_default_text():
    assert firing({"firing": DEFAULT}) == {SHORT, LONG}


def test_reads_names_one_a_line():
    assert firing({"firing_alerts": f"{SHORT}\n{LONG}\n", "firing": "35 % of requests fail"}) == {SHORT, LONG}


def test_knows_no_names_where_none_are_given():
    assert firing({}) is None
    assert firing({"firing": "35 % of requests fail"}) is None
    assert firing({"firing": ["a"]}) is None


def test_tells_who_joined_and_who_left():
    before, after = {"firing_alerts": SHORT}, {"firing_alerts": LONG}
    joined = 'AvailabilityBudgetBurn{long_window="6h"} fires too.'
    left = 'AvailabilityBudgetBurn{long_window="1h"} no longer fires.'
    assert moved(before, after) == ([joined], [left])


def test_without_names_tells_how_many():
    one, two = {"num_firing": "1"}, {"num_firing": "2"}
    assert moved(one, two) == (["2 alerts fire now, 1 before."], [])
    assert moved(two, one) == ([], ["1 alert fires now, 2 before."])
    assert moved(one, one) == ([], [])
    assert moved(one, {"num_firing": "many"}) == ([], [])
    assert moved({}, two) == ([], [])


def test_calls_alerts_by_the_labels_that_tell_them_apart():
    one = 'Down{category="x", instance="a:1", service_name="orders", severity="page"}'
    two = one.replace("a:1", "b, c:2")
    assert list(short([one, two], {}).values()) == ['Down{instance="a:1"}', 'Down{instance="b, c:2"}']
    assert short([one], {"service_name": "orders"}) == {one: 'Down{instance="a:1"}'}
    assert short(['Down{service_name="orders"}'], {}) == {'Down{service_name="orders"}': "Down"}
    assert short(["no alert at all"], {}) == {"no alert at all": "no alert at all"}
    assert short([], {}) == {}


def test_never_calls_two_alerts_the_same():
    one, two = 'Down{team="a"}', 'Down{team="b"}'
    assert sorted(short([one, two], {"team": "a"}).values()) == [one, two]

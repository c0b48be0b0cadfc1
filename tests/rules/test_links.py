from obskit.rules import board_url, console_link, log_query, logs_url

_QUERY = '{service_name="{{ $labels.service_name }}"} | json | event="http.request"'


def test_a_query_survives_the_way_into_an_address_and_back():
    assert log_query(logs_url(_QUERY)) == _QUERY


def test_templates_stay_for_prometheus_to_fill_in():
    assert "{{ $labels.service_name }}" in logs_url(_QUERY)
    assert board_url("obskit-jobs", "orders") == "http://127.0.0.1:3000/d/obskit-jobs?var-service=orders"


def test_the_console_is_asked_for_the_same_lines():
    assert console_link(logs_url('{service_name="orders"} |= "a b"')) == (
        "http://127.0.0.1:3000/logs?query=%7Bservice_name%3D%22orders%22%7D%20%7C%3D%20%22a%20b%22&from=now-1h"
    )


def test_other_addresses_stay():
    assert console_link("http://127.0.0.1:3000/d/obskit-jobs") == "http://127.0.0.1:3000/d/obskit-jobs"
    assert log_query("http://127.0.0.1:8601/runbooks/JobMissed") is None

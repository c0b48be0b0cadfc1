"""A healthy system under load says nothing: no page, and no ticket."""

import time

import httpx
import pytest

from obskit import stack
from obskit.cli._load import sending

pytestmark = pytest.mark.prove

HEALTHY_S = 1800
"""Thirty hours to the rules, which run sixty times faster here."""


def asked(running, name, path, **parameters):
    url = f"http://127.0.0.1:{running.ports[name]}{path}"
    return httpx.get(url, params=parameters, trust_env=False, timeout=30).raise_for_status().json()


def test_half_an_hour_of_healthy_load_opens_nothing(quiet):
    with sending(stack.Home.at(quiet.home), rate=8, mode="mix") as load:
        until = time.monotonic() + HEALTHY_S
        while time.monotonic() < until:
            load.check()
            time.sleep(1)  # the time itself is what is wanted

        fired = (
            'sum by (alertname, severity, service_name) (count_over_time(ALERTS{alertstate="firing"}[31m]))'
        )
        rows = asked(quiet, "prometheus", "/api/v1/query", query=fired)["data"]["result"]
        calls = 'sum(increase(http_server_request_duration_seconds_count{service_name="gateway"}[30m]))'
        (answered,) = asked(quiet, "prometheus", "/api/v1/query", query=calls)["data"]["result"]

    names = {(row["metric"]["alertname"], row["metric"].get("service_name")) for row in rows}
    assert {name for name, _ in names} == {"Watchdog"}, names
    assert asked(quiet, "pager", "/v1/incidents")["incidents"] == []
    assert float(answered["value"][1]) > HEALTHY_S * 8 * 0.8

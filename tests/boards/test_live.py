"""Every query of every panel, asked of real stores that hold two hours.

The first hour is healthy. In the second everything fails that can fail: what the faults of
the sample services do. Before them there is nothing.
"""

import json
import re
import urllib.parse
import urllib.request

import pytest

from obskit.boards import Stores, ask_all, boards, filled, judge
from obskit.errors import ConfigError, StackError

NAMES = [board.name for board in boards()]
START = 1_790_000_000 - 1_790_000_000 % 7200
HEALTHY, INCIDENT = START + 3600, START + 7200
NO_FAULT = "no fault fills it"


def of(answers, name):
    return [one for one in answers if one.board == name]


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_is_empty_on_a_healthy_system_exactly_when_it_says_so(asked, name):
    answers = of(asked("healthy"), name)
    with_data = {one.panel for one in answers if one.series}
    empty = {one.panel for one in answers} - with_data
    assert empty == {one.panel for one in answers if one.declared}


@pytest.mark.parametrize("name", NAMES)
def test_every_query_has_data_during_an_incident(asked, name):
    answers = [one for one in of(asked("incident"), name) if " offset " not in one.query]  # of days before
    assert [f"{one.panel}: {one.query}" for one in answers if not one.series] == []


@pytest.mark.parametrize("name", NAMES)
def test_without_data_a_panel_is_empty_and_never_wrong(asked, name):
    assert [one for one in of(asked("nothing"), name) if one.series or one.problem] == []


@pytest.mark.parametrize("moment", ["healthy", "incident"])
def test_the_live_check_finds_nothing_wrong(asked, moment):
    assert [str(finding) for finding in judge(asked(moment))] == []


@pytest.mark.parametrize("moment", ["healthy", "incident"])
def test_no_value_is_negative(asked, moment):
    assert [one for one in asked(moment) if one.lowest is not None and one.lowest < -1e-9] == []


def test_the_empty_store_is_reported_panel_by_panel(asked):
    answers = asked("nothing")
    found = {(finding.board, finding.panel) for finding in judge(answers)}
    assert found == {(one.board, one.panel) for one in answers if not one.declared}


def test_the_incident_shows_what_the_boards_are_for(asked):
    highest = {(one.board, one.panel): one.highest for one in asked("incident")}
    assert highest["sync-async", "Sync: calls failed"] > 0.3
    assert highest["sync-async", "Async: calls failed"] < 0.05
    waits = highest["sync-async", "Sync: caller waits"], highest["sync-async", "Async: caller waits"]
    assert waits[0] > 10 * waits[1]
    assert highest["sync-async", "Async penalty"] > 1
    assert highest["jobs", "Age / interval"] > 2
    assert highest["resilience", "Open breakers"] == 1
    assert highest["slo", "Burn"] > 14.4


def data(address, path, **parameters):
    query = urllib.parse.urlencode(parameters, doseq=True)
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{query}", timeout=20) as answer:
        return json.load(answer)["data"]


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_finds_its_values_and_its_default_is_one_of_them(prometheus, shipped, name):
    for variable in shipped[name]["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
        span = {"match[]": filled(selector), "start": START, "end": INCIDENT}
        found = data(prometheus, f"label/{label}/values", **span)
        assert found, variable["name"]
        assert variable["multi"] or variable["current"]["value"] in found


def test_a_restart_is_marked(prometheus, shipped):
    restarts = shipped["service"]["annotations"]["list"][0]["expr"]
    query = filled(restarts, {"__rate_interval": "120s"})
    found = data(prometheus, "query_range", query=query, start=START + 120, end=INCIDENT, step=60)["result"]
    marked = {float(moment) for one in found for moment, _ in one["values"]}
    assert marked
    assert all(HEALTHY <= moment <= HEALTHY + 180 for moment in marked)


def test_a_store_that_is_not_there_is_named_with_what_to_do():
    with pytest.raises(StackError, match=r"http://127\.0\.0\.1:1 does not answer") as raised:
        ask_all(Stores("http://127.0.0.1:1"))
    assert "--prometheus" in raised.value.fix


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="'localhost:9090' is not the address of a prometheus"):
        Stores("localhost:9090")

import json

import pytest


def test_list_of_a_home_that_never_ran_is_empty(shell):
    result = shell.run("incidents", "list", "--json")

    assert result.code == 0
    assert json.loads(result.out) == []


@pytest.mark.parametrize("incident_id", ["INC-000009", "nine", "../x"])
def test_incident_that_there_is_not(shell, incident_id):
    result = shell.run("incidents", "show", incident_id)

    assert result.code == 1
    assert f"There is no incident {incident_id!r}." in result.err
    assert "Fix:   obskit incidents list" in result.err


def test_acknowledging_takes_a_running_pager(shell):
    shell.home.create()

    result = shell.run("incidents", "ack", "INC-000001")

    assert result.code == 1
    assert f"pager does not answer on port {shell.ports['pager']}" in result.err


def test_test_page_takes_a_running_alertmanager(shell):
    result = shell.run("incidents", "test")

    assert result.code == 1
    assert "alertmanager does not answer" in result.err

"""Every row of the catalogue names things that there are: a panel, an event, an attribute, an alert."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from obskit import catalog
from sample_services.events import EVENTS
from sample_services.faults import CATALOGUE, load

ROOT = Path(__file__).parents[2]
FAULTS = {fault.id: fault for fault in load()}
SEVERITIES = {"high": "page", "low": "ticket"}


def panels(board):
    path = ROOT / "dashboards" / "json" / f"{board.removeprefix('obskit-')}.json"
    content = json.loads(path.read_text())
    assert content["uid"] == board
    rows = [panel for panel in content["panels"] if panel["type"] == "row"]
    return [*content["panels"], *(inner for row in rows for inner in row.get("panels", []))]


def alerts():
    found = {}
    for path in (ROOT / "alerts").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text()).get("groups", []):
            for rule in group["rules"]:
                if "alert" in rule:
                    found.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    return found


@pytest.fixture(scope="module")
def known_alerts():
    return alerts()


def test_ids_are_given_once():
    assert len(yaml.safe_load(CATALOGUE.read_text())) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_panel_is_on_its_board_and_asks_prometheus(fault):
    found = [panel for panel in panels(fault.panel.board) if panel.get("title") == fault.panel.title]
    assert len(found) == 1
    assert found[0]["targets"][0]["expr"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_evidence_has_names_of_the_catalogue(fault):
    assert fault.log_event in {**catalog.EVENTS, **EVENTS}
    assert fault.span_attribute == "none" or fault.span_attribute in catalog.SPAN_ATTRIBUTES


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_alerts_are_there_and_as_urgent_as_the_row_says(fault, known_alerts):
    assert SEVERITIES[fault.urgency] in known_alerts[fault.alert]
    assert set(fault.also) <= known_alerts.keys() - {fault.alert}
    assert len(set(fault.also)) == len(fault.also)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_row_is_told_to_people(fault):
    assert fault.levels == tuple(sorted(set(fault.levels)))
    assert fault.levels[-1] == 100
    for text in (fault.sentence, fault.caller_sees):
        assert text[0].isupper()
        assert text.endswith(".")
    assert fault.urgency == "low" or fault.within_s <= 60


def test_few_faults_leave_no_span():
    assert len([fault for fault in FAULTS.values() if fault.span_attribute == "none"]) <= 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mechanism": "magic"}, "no mechanism 'magic'"),
        ({"options": {"point": "reserve", "hours": 1}}, "hours"),
        ({"span_attribute": "none"}, "why_no_span"),
        ({"panel": {"board": "obskit-jobs", "title": "Running", "healthy": {}}}, "low, high or both"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_row_that_is_not_whole_is_refused(tmp_path, change, said):
    row = yaml.safe_load(CATALOGUE.read_text())[0]
    file = tmp_path / "faults.yaml"
    file.write_text(yaml.safe_dump([row | change]))
    with pytest.raises(ValidationError, match=said):
        load(file)

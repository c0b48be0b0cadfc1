from obskit.console._incidents_page import _head, change_rows, incident_rows

INCIDENT = {
    "id": "INC-000001",
    "status": "triggered",
    "urgency": "high",
    "title": "gateway <b>fails</b>",
    "service": "gateway",
    "created_at": "2026-01-31T12:00:00Z",
    "acknowledged_by": None,
    "escalation": {"level": 1, "levels": 2, "next_at": "2026-01-31T12:05:00Z"},
}


def test_the_head_says_when_the_next_people_are_told():
    assert "level 1 of 2, escalates at" in _head(INCIDENT)
    assert "<b>fails" not in _head(INCIDENT)


def test_the_head_of_an_acknowledged_incident_says_who_has_it():
    head = _head({**INCIDENT, "status": "acknowledged", "acknowledged_by": "ann"})

    assert "acknowledged by ann" in head
    assert "escalates" not in head


def test_a_change_stands_with_its_source_and_its_links():
    change = {
        "at": "2026-01-31T11:55:00Z",
        "source": "ci",
        "summary": "inventory <i>1.4.2</i>",
        "links": [
            {"href": "javascript:alert(1)", "text": "evil"},
            {"href": "https://x.example", "text": "diff"},
        ],
    }
    rows = change_rows([change])

    assert "inventory &lt;i&gt;1.4.2" in rows
    assert 'href="https://x.example"' in rows
    assert "javascript" not in rows


def test_no_incident_is_said():
    assert "Sleep well" in incident_rows([])

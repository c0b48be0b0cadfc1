"""An incident as the lines of a page."""

from obskit.cli._page import as_page

INCIDENT = {
    "id": "INC-000001",
    "title": "gateway is slow",
    "status": "triggered",
    "urgency": "high",
    "service": "gateway",
    "created_at": "2026-11-22T13:58:15.475Z",
    "acknowledged_at": None,
    "resolved_at": None,
    "details": {"firing": "5 % are slow over 1h.\n7 % are slow over 6h.", "team": "platform"},
    "links": [],
    "timeline": [],
}


def test_detail_of_several_alerts_is_a_line_of_each():
    assert as_page(INCIDENT)[3:] == [
        "",
        "  firing        5 % are slow over 1h.",
        "                7 % are slow over 6h.",
        "  team          platform",
    ]

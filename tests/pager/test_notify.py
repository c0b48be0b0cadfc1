import asyncio
import io
import stat

import pytest

from obskit.pager import Console, Incident, Link, NotifyError, Page
from obskit.pager._notify import PageFile, block


def test_the_console_shows_a_page_that_can_be_acted_on_and_cannot_steer_the_terminal():
    incident = Incident(
        number=7,
        origin="o",
        dedup_key="k",
        status="triggered",
        urgency="high",
        severity="critical",
        title="Orders burns its budget",
        service="orders",
        source="Alertmanager",
        created_at=1_700_000_000.0,
        links=(Link("http://127.0.0.1:8601/runbooks/A\x1b[2J", "Runbook\x1b[2J"),),
    )
    out = io.StringIO()
    asyncio.run(Console(out).send(Page(incident, "http://127.0.0.1:8601/incidents/INC-000007")))
    assert out.getvalue().splitlines()[1:-1] == [
        "PAGE  Orders burns its budget",
        "INC-000007, critical, affects orders",
        "since        2023-11-14 22:13:20 UTC",
        "incident     http://127.0.0.1:8601/incidents/INC-000007",
        "runbook�[2j  http://127.0.0.1:8601/runbooks/A�[2J",
        "take it      obskit incidents ack INC-000007",
    ]


def test_a_page_without_advice_points_at_the_runbook():
    incident = Incident(
        number=7,
        origin="o",
        dedup_key="k",
        status="triggered",
        urgency="high",
        severity="error",
        title="Disk is full",
        service="db1",
        source="db1",
        created_at=1_700_000_000.0,
        links=(Link("http://127.0.0.1:8601/runbooks/A", "Runbook"),),
        details={"firing": "80 % of writes fail", "firing_alerts": "A"},
    )
    lines = block(Page(incident, "http://x")).splitlines()
    assert lines[1] == "PAGE  db1: Disk is full"
    assert lines[3:5] == [
        "do        Follow the runbook: http://127.0.0.1:8601/runbooks/A",
        "seen      80 % of writes fail",
    ]


def test_a_file_of_pages_is_for_its_owner_only(tmp_path, page):
    path = tmp_path / "pages.txt"
    asyncio.run(PageFile("file", path).send(page))
    asyncio.run(PageFile("file", path).send(page))
    assert path.read_text().count("PAGE  Orders burns its budget") == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(NotifyError, match="cannot be written to"):
        asyncio.run(PageFile("file", tmp_path / "none" / "pages.txt").send(page))

import asyncio
import io

from obskit.pager import Console, Incident, Link, Page


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
        "PAGE  INC-000007  critical  orders",
        "Orders burns its budget",
        "since        2023-11-14 22:13:20 UTC",
        "incident     http://127.0.0.1:8601/incidents/INC-000007",
        "runbook�[2j  http://127.0.0.1:8601/runbooks/A�[2J",
        "acknowledge  obskit incidents ack INC-000007",
    ]

import re
from html.parser import HTMLParser

import pytest

NASTY = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"


class Tags(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_incident_page_says_what_where_since_when_and_what_to_do(serve, clock):
    served = serve()
    details = {"firing": "Labels:\n - a = 1", "n": {"m": 1}, "impact": "No orders.", "resolved": ""}
    event = {"custom_details": details, "component": "orders"}
    served.send(**event)
    served.tick()
    clock.pass_s(3_700)
    page = served.client.get("/incidents/INC-000001").text
    for words in (
        "<h1>orders: Disk is full</h1>",
        "high urgency",
        "triggered",
        "<dt>Hurts</dt><dd><strong>orders</strong>: No orders.</dd>",
        "2023-11-14 22:13:20 UTC, 1 h 1 min ago",
        "obskit incidents ack INC-000001",
        "Notified by inbox.",
        "<pre>Labels:\n - a = 1</pre>",
        "&#34;m&#34;: 1",
        'href="/v1/incidents/INC-000001.md"',
    ):
        assert words in page, words
    assert "resolved" not in page


def test_the_incident_page_follows_its_state(serve, clock):
    served = serve()
    served.send()
    clock.pass_s(90)
    served.send("acknowledge")
    page = served.client.get("/incidents/INC-000001").text
    assert "the sender is on it since 2023-11-14 22:14:50 UTC, 1 min 30 s after it opened." in page
    clock.pass_s(60)
    served.send("resolve")
    assert "it took 2 min 30 s" in served.client.get("/incidents/INC-000001").text


def test_the_list_has_what_is_open_first_and_then_what_was(serve):
    served = serve()
    assert "Nothing is broken" in served.client.get("/incidents").text
    served.send(key="a", summary="Was broken")
    served.send("resolve", key="a")
    served.send(key="b", summary="Is broken")
    page = served.client.get("/").text
    assert "<h1>1 open incident</h1>" in page
    assert page.index("Is broken") < page.index("<h2>Resolved</h2>") < page.index("Was broken")


def test_the_list_begins_with_what_needs_somebody(serve):
    served = serve()
    served.send(key="page", summary="A page")
    served.send(key="taken", summary="A page that somebody has")
    served.send("acknowledge", key="taken")
    served.send(key="ticket", summary="A ticket", severity="warning")
    page = served.client.get("/incidents").text
    assert page.index(">A page<") < page.index(">A ticket<") < page.index(">A page that somebody has<")


def test_the_list_says_when_the_watchdog_was_last_heard(serve, clock):
    served = serve()
    assert "No Watchdog heartbeat came so far" in served.client.get("/incidents").text
    webhook = {"alerts": [{"status": "firing", "labels": {"alertname": "Watchdog"}}]}
    served.client.post("/v1/heartbeat", json=webhook)
    clock.pass_s(12)
    assert "The last Watchdog heartbeat came 12 s ago." in served.client.get("/incidents").text


def test_words_of_others_never_become_markup(serve):
    served = serve()
    served.send(
        key=NASTY,
        summary=NASTY,
        source=NASTY,
        component=NASTY,
        custom_details={NASTY: NASTY, "nested": {NASTY: [NASTY]}, "firing_alerts": NASTY},
    )
    served.send(key=NASTY, summary=f"again {NASTY}", custom_details={"firing_alerts": "other"})
    served.tick()
    for path in ("/incidents", "/incidents/INC-000001", f"/incidents/{NASTY}", f"/runbooks/{NASTY}"):
        page = served.client.get(path).text
        seen = Tags(page)
        assert not seen.tags & {"script", "img", "iframe", "object", "form", "input", "svg"}, path
        assert not {name for name in seen.attributes if name.startswith("on")}, path
        assert "49" not in re.findall(r"\b49\b", page), path


def test_a_link_text_cannot_leave_its_link(serve):
    served = serve()
    served.client.post(
        "/v2/enqueue",
        json={
            "routing_key": "0123456789abcdef0123456789abcdef",
            "event_action": "trigger",
            "payload": {"summary": "x", "source": "x", "severity": "info"},
            "links": [{"href": 'http://a/"onmouseover="alert(1)', "text": NASTY}],
        },
    )
    seen = Tags(served.client.get("/incidents/INC-000001").text)
    assert "onmouseover" not in seen.attributes
    assert "script" not in seen.tags


@pytest.mark.parametrize("path", ["/incidents", "/runbooks", "/incidents/INC-000009", "/runbooks/Nothing"])
def test_every_page_forbids_scripts_and_the_network(served, path):
    answer = served.client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_pages_are_readable_in_dark_and_light(served):
    style = served.client.get("/pager.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: light" in style.text


@pytest.fixture
def runbooks(tmp_path):
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "DiskFull.md").write_text(
        "# DiskFull\n\n## Meaning\n\nThe *disk* is full.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![y](http://a.example/i.png)\n"
    )
    (tmp_path / "secret.md").write_text("not for you")
    return folder


def test_shows_a_runbook(serve, runbooks):
    client = serve(runbooks=runbooks).client
    page = client.get("/runbooks/DiskFull").text
    assert "<h2>Meaning</h2>" in page
    assert "<em>disk</em>" in page
    assert "<td>2</td>" in page
    assert "/runbooks/DiskFull" in client.get("/runbooks").text


def test_a_runbook_carries_no_script(serve, runbooks):
    page = serve(runbooks=runbooks).client.get("/runbooks/DiskFull").text
    assert "script" not in Tags(page).tags
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    "name", ["..%2Fsecret", "%2e%2e/secret", "../secret", "DiskFull.md", "a b", "x" * 200]
)
def test_only_runbooks_are_served(serve, runbooks, name):
    answer = serve(runbooks=runbooks).client.get(f"/runbooks/{name}")
    assert answer.status_code == 404
    assert "not for you" not in answer.text


def test_serves_the_runbooks_that_obskit_ships(served):
    assert served.client.get("/runbooks/Watchdog").status_code == 200

from urllib.parse import unquote

import pytest

from obskit.pager._silence import silence_link

URL = "http://127.0.0.1:9093/#/alerts?receiver=pager"


def test_a_page_of_alertmanager_leads_to_a_silence_that_is_filled_in():
    link = silence_link(URL, {"alertname": "Down", "service_name": 'a"b\\', "team": "x"})
    assert link.text == "Silence"
    assert link.href.startswith("http://127.0.0.1:9093/#/silences/new?filter=%7B")
    assert unquote(link.href.partition("filter=")[2]) == '{alertname="Down", service_name="a\\"b\\\\"}'


@pytest.mark.parametrize(
    ("url", "details"),
    [(None, {"alertname": "Down"}), ("http://x/", {"alertname": "Down"}), (URL, {}), (URL, {"alertname": 3})],
)
def test_other_events_have_none(url, details):
    assert silence_link(url, details) is None


def test_the_link_is_among_those_of_the_incident(serve):
    served = serve()
    served.client.post(
        "/v2/enqueue",
        json={
            "routing_key": "0123456789abcdef0123456789abcdef",
            "event_action": "trigger",
            "client": "Alertmanager",
            "client_url": URL,
            "payload": {
                "summary": "x",
                "source": "s",
                "severity": "critical",
                "custom_details": {"alertname": "Down"},
            },
        },
    )
    assert [link["text"] for link in served.incidents()[0]["links"]] == ["Alertmanager", "Silence"]

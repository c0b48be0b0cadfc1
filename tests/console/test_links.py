import json
from urllib.parse import parse_qs, quote, urlsplit

from obskit.console._ask import Question
from obskit.console._links import explored, links
from obskit.console._window import Window

ASKED = Question(Window(1000, 4600), {"service": ("orders",)})


def explore(kind, query):
    pane = {
        "datasource": f"${{{kind}_datasource}}",
        "queries": [{"refId": "A", "datasource": {"type": kind}, **query}],
        "range": {"from": "${__from}", "to": "${__value.time}"},
    }
    return f"/explore?schemaVersion=1&panes={quote(json.dumps({'a': pane}), safe='${}:,._[]')}"


def parsed(url):
    parts = urlsplit(url)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_a_link_into_grafanas_explore_leads_to_the_consoles_logs():
    link = {
        "title": "Logs",
        "url": explore("loki", {"expr": '{service_name=~"${__field.labels.service_name}"}'}),
    }
    (onward,) = links([link], ASKED, {"__field.labels.service_name": "orders", "__value.time": "2000000"})
    assert onward.title == "Logs"
    assert parsed(onward.url) == (
        "/logs",
        {"query": '{service_name=~"orders"}', "from": "1000000", "to": "2000000"},
    )


def test_a_link_into_grafanas_explore_leads_to_the_consoles_traces():
    path, query = parsed(explored(explore("tempo", {"query": "{status=error}"})))
    assert path == "/traces"
    assert query["query"] == "{status=error}"


def test_a_link_that_needs_a_clicked_point_is_not_offered_without_one():
    link = {"title": "Logs", "url": explore("loki", {"expr": '{a="${__field.labels.a}"}'})}
    assert links([link], ASKED, {}) == []


def test_a_link_to_a_board_carries_the_time_range():
    link = {
        "title": "Board",
        "url": "/d/obskit-service?${__url_time_range}&var-service=${__data.fields.Service}",
    }
    (onward,) = links([link], ASKED, {"__data.fields.Service": "orders"})
    assert onward.url == "/d/obskit-service?from=1000000&to=4600000&var-service=orders"


def test_addresses_elsewhere_stay_as_they_are():
    for url in (
        "http://127.0.0.1:8601/runbooks/X",
        "/explore",
        "/explore?panes=none",
        "https://x.test/explore?panes={}",
    ):
        assert explored(url) == url

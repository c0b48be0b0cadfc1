import json
from urllib.parse import parse_qs, urlsplit

from obskit.boards import BoardLink, logs_link, row, series, traces_link
from obskit.boards._links import runbook_link
from obskit.boards._read import explored


def pane_of(link):
    return json.loads(parse_qs(urlsplit(link["url"]).query)["panes"][0])["a"]


def test_a_link_at_a_point_ends_at_the_clicked_moment():
    pane = pane_of(logs_link(series("service_name"), level="error").to_json(at_point=True))
    assert pane["range"] == {"from": "${__from}", "to": "${__value.time}"}
    assert pane["queries"][0]["expr"] == '{service_name=~"${__field.labels.service_name}", level=~"error"}'
    assert pane["datasource"] == "${loki_datasource}"


def test_a_link_of_a_number_takes_the_whole_range():
    pane = pane_of(traces_link("orders", "status=error").to_json(at_point=False))
    assert pane["range"] == {"from": "${__from}", "to": "${__to}"}
    assert pane["queries"][0]["query"] == '{resource.service.name=~"orders" && status=error}'


def test_grafana_finds_its_variables_unescaped_in_the_address():
    url = logs_link().to_json(at_point=True)["url"]
    for variable in ("${service:pipe}", "${loki_datasource}", "${__from}", "${__value.time}"):
        assert variable in url


def test_an_ampersand_of_traceql_does_not_end_the_query_string():
    assert "&&" not in traces_link("a", "b=1").to_json(at_point=False)["url"]


def test_a_table_row_fills_in_the_next_board():
    link = BoardLink("Open", "obskit-service", (("service", row("Service")),)).to_json(at_point=False)
    assert link["url"] == "/d/obskit-service?${__url_time_range}&var-service=${__data.fields.Service}"
    assert explored(link) is None


def test_a_runbook_opens_where_the_pager_serves_it():
    assert runbook_link("TargetDown")["url"] == "http://127.0.0.1:8601/runbooks/TargetDown"

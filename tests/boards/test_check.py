"""Each house rule finds the board that breaks it, and names the panel."""

import json
from urllib.parse import quote

import pytest

from obskit.boards import _build, check_board


def drop(board, key):
    del board[key]


def first_target(panel, **changes):
    panel["targets"][0].update(changes)


def defaults(panel):
    return panel["fieldConfig"]["defaults"]


def variable(board, name):
    return next(one for one in board["templating"]["list"] if one["name"] == name)


def explore(query):
    pane = {"queries": [query], "range": {}}
    return f"/explore?panes={quote(json.dumps({'a': pane}))}"


def loki(expr):
    return {"title": "Logs", "url": explore({"datasource": {"type": "loki"}, "expr": expr})}


BREAKS = [
    ("stamp", "", lambda board, _: board.update(uid="service")),
    ("stamp", "", lambda board, _: board.update(uid=f"obskit-{'x' * 40}")),
    ("stamp", "", lambda board, _: board.update(tags=[])),
    ("stamp", "", lambda board, _: board.update(schemaVersion=12)),
    ("stamp", "", lambda board, _: board.update(editable=True)),
    ("stamp", "", lambda board, _: board.update(graphTooltip=9)),
    ("stamp", "", lambda board, _: board.update(time={"from": "now-6h", "to": "now"})),
    ("variables", "", lambda board, _: board["templating"]["list"].remove(variable(board, "route"))),
    ("variables", "", lambda board, _: board["templating"]["list"].append({"name": "unused"})),
    ("variables", "", lambda board, _: variable(board, "service").update(allValue=".*")),
    ("variables", "", lambda board, _: variable(board, "service").update(multi=False)),
    ("variables", "", lambda board, _: variable(board, "service").update(refresh=1)),
    ("variables", "", lambda board, _: variable(board, "datasource").update(label="DS")),
    ("header", "", lambda board, _: board["panels"].pop(0)),
    ("header", "", lambda board, _: board.update(links=[])),
    ("annotations", "", lambda board, _: board["annotations"]["list"].pop(0)),
    ("annotations", "", lambda board, _: board["annotations"]["list"].pop(1)),
    (
        "annotations",
        "",
        lambda board, _: board["annotations"]["list"][1].update(expr='ALERTS{alertstate="firing"}'),
    ),
    ("layout", "Requests", lambda board, find: find(board, "Requests")["gridPos"].update(x=2)),
    ("layout", "Duration", lambda board, find: find(board, "Duration")["gridPos"].update(w=9)),
    ("layout", "Processor time", lambda board, find: find(board, "Processor time")["gridPos"].update(w=9)),
    ("layout", "", lambda board, find: find(board, "Requests").update(id=find(board, "Duration")["id"])),
    ("first line", "Requests", lambda board, find: find(board, "Requests").update(type="gauge")),
    ("first line", "In flight", lambda board, find: find(board, "In flight")["gridPos"].update(h=3)),
    ("description", "Duration", lambda board, find: find(board, "Duration").update(description="p95")),
    ("description", "", lambda board, find: find(board, "Duration").update(title="")),
    ("unit", "Duration", lambda board, find: drop(defaults(find(board, "Duration")), "unit")),
    ("unit", "Duration", lambda board, find: defaults(find(board, "Duration")).update(unit="seconds")),
    ("unit", "Duration", lambda board, find: drop(defaults(find(board, "Duration")), "min")),
    ("thresholds", "Duration", lambda board, find: drop(defaults(find(board, "Duration")), "thresholds")),
    (
        "thresholds",
        "In flight",
        lambda board, find: defaults(find(board, "In flight"))["thresholds"]["steps"].append(
            {"color": "red", "value": 80}
        ),
    ),
    (
        "thresholds",
        "Error ratio",
        lambda board, find: defaults(find(board, "Error ratio"))["thresholds"]["steps"][1].update(
            value=0.05001
        ),
    ),
    (
        "thresholds",
        "Routes",
        lambda board, find: find(board, "Routes")["fieldConfig"]["overrides"][1]["properties"][1]["value"][
            "steps"
        ][1].update(value=0.0123),
    ),
    ("links", "Duration", lambda board, find: defaults(find(board, "Duration"))["links"].pop(0)),
    ("links", "Duration", lambda board, find: defaults(find(board, "Duration"))["links"].pop(1)),
    (
        "links",
        "Calls by dependency",
        lambda board, find: defaults(find(board, "Calls by dependency"))["links"].pop(),
    ),
    ("links", "Warnings and errors", lambda board, find: drop(find(board, "Warnings and errors"), "links")),
    (
        "links",
        "Duration",
        lambda board, find: defaults(find(board, "Duration"))["links"][0].update(url="/explore?panes=%7B"),
    ),
    ("runbooks", "Error ratio", lambda board, find: find(board, "Error ratio").update(links=[])),
    (
        "runbooks",
        "Error ratio",
        lambda board, find: find(board, "Error ratio")["links"][0].update(
            url="http://127.0.0.1:8601/runbooks/NoSuchAlert"
        ),
    ),
    (
        "legend",
        "Duration",
        lambda board, find: find(board, "Duration")["options"]["legend"].update(showLegend=False),
    ),
    (
        "legend",
        "Duration",
        lambda board, find: find(board, "Duration")["options"]["legend"].update(calcs=["max"]),
    ),
    (
        "legend",
        "Duration",
        lambda board, find: find(board, "Duration")["options"]["tooltip"].update(mode="single"),
    ),
    (
        "legend",
        "Log lines by level",
        lambda board, find: first_target(
            find(board, "Log lines by level"),
            expr='topk by (level) (3, rate(obskit_log_records_total{service_name=~"$service"}[$__rate_interval]))',
        ),
    ),
    (
        "colours",
        "Requests by status",
        lambda board, find: find(board, "Requests by status")["fieldConfig"]["overrides"].pop(),
    ),
    ("promql", "Duration", lambda board, find: first_target(find(board, "Duration"), expr="sum(rate(up))")),
    (
        "promql",
        "",
        lambda board, _: board["annotations"]["list"][0].update(expr="process_start_time_seconds{"),
    ),
    (
        "names",
        "Requests",
        lambda board, find: first_target(
            find(board, "Requests"), expr='sum(no_such_metric{service_name=~"$service"})'
        ),
    ),
    (
        "names",
        "In flight",
        lambda board, find: first_target(
            find(board, "In flight"), expr='sum(http_server_active_requests{dpost="1"})'
        ),
    ),
    (
        "names",
        "In flight",
        lambda board, find: first_target(
            find(board, "In flight"), expr="sum by (pod) (http_server_active_requests)"
        ),
    ),
    (
        "legend labels",
        "Log lines by level",
        lambda board, find: first_target(find(board, "Log lines by level"), legendFormat="{{service_name}}"),
    ),
    (
        "windows",
        "Requests",
        lambda board, find: first_target(
            find(board, "Requests"), expr="sum(rate(http_server_request_duration_seconds_count[5m]))"
        ),
    ),
    (
        "windows",
        "Requests",
        lambda board, find: first_target(
            find(board, "Requests"), expr="sum(rate(http_server_request_duration_seconds_count[$__range]))"
        ),
    ),
    (
        "windows",
        "Requests",
        lambda board, find: first_target(
            find(board, "Requests"), expr="sum(http_server_request_duration_seconds_count)"
        ),
    ),
    ("exemplars", "Duration", lambda board, find: first_target(find(board, "Duration"), exemplar=False)),
    (
        "exemplars",
        "Spread of durations",
        lambda board, find: first_target(find(board, "Spread of durations"), exemplar=False),
    ),
    (
        "ratios",
        "Error ratio",
        lambda board, find: first_target(
            find(board, "Error ratio"),
            expr='sum(rate(http_server_request_duration_seconds_count{outcome="server_error"}[$__rate_interval]))'
            " / (sum(rate(http_server_request_duration_seconds_count[$__rate_interval])) > 0)",
        ),
    ),
    (
        "ratios",
        "Open files",
        lambda board, find: first_target(
            find(board, "Open files"), expr="process_open_fds / process_max_fds"
        ),
    ),
    (
        "sources",
        "Duration",
        lambda board, find: find(board, "Duration")["datasource"].update(uid="prometheus"),
    ),
    (
        "sources",
        "Duration",
        lambda board, find: find(board, "Duration")["targets"][0]["datasource"].update(uid="fej9ntb4"),
    ),
    ("sources", "Duration", lambda board, find: find(board, "Duration").update(targets=[])),
    (
        "logql",
        "Warnings and errors",
        lambda board, find: first_target(find(board, "Warnings and errors"), expr='{level="error"}'),
    ),
    (
        "logql",
        "Warnings and errors",
        lambda board, find: first_target(
            find(board, "Warnings and errors"), expr='{service_name="a", pod="b"}'
        ),
    ),
    (
        "logql",
        "Duration",
        lambda board, find: defaults(find(board, "Duration"))["links"].append(loki('{app="a"}')),
    ),
    (
        "logql",
        "Warnings and errors",
        lambda board, find: first_target(
            find(board, "Warnings and errors"), expr='{service_name="a"} | json | event="order.eaten"'
        ),
    ),
    (
        "traceql",
        "Slow traces",
        lambda board, find: first_target(find(board, "Slow traces"), query='{span.http.url="/"}'),
    ),
    (
        "traceql",
        "Slow traces",
        lambda board, find: first_target(find(board, "Slow traces"), query="{duration>1s"),
    ),
    ("schema", "Duration", lambda board, find: defaults(find(board, "Duration")).update(colour="red")),
]


@pytest.mark.parametrize(
    ("rule", "title", "break_it"), BREAKS, ids=[f"{rule}-{n}" for n, (rule, *_) in enumerate(BREAKS)]
)
def test_a_rule_finds_the_board_that_breaks_it(service, panel, rule, title, break_it):
    break_it(service, panel)
    found = [(one.rule, one.panel) for one in check_board(service)]
    assert (rule, title) in found


def test_every_rule_has_a_board_that_breaks_it():
    assert {rule for rule, *_ in BREAKS} == set(_build._RULES)

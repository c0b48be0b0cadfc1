"""Runbooks: one for each alert, whole, and with queries that work."""

import re
import textwrap

import promql_parser
import pytest

from obskit._assets import asset
from obskit.embedded.logs import logql
from obskit.embedded.traces import traceql
from obskit.rules import KINDS, log_query, objective

_HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
_ANYWHERE = '{service_name=~".+"} |~'
"""What the service that is broken does not say itself, such as a balancer with an old certificate."""
_RUNBOOKS = sorted(asset("alerts", "runbooks").glob("*.md"))
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def _blocks(path, language):
    return [body for _, found, body in _FENCE.findall(path.read_text()) if found == language]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alert_rules):
    examples = {
        "availability": {},
        "latency": {"threshold_s": 0.5},
        "flow": {"destination": "orders.reserved", "threshold_s": 30},
        "events": {"total": "app_events_total", "bad": 'app_events_total{outcome="bad"}'},
    }
    base = {"name": "promise", "service": "shop", "owner": "shop", "objective": 99, "window": "30d"}
    made = {objective({**base, "sli": {"kind": kind, **examples[kind]}}).sli.alert for kind in KINDS}

    assert {path.stem for path in _RUNBOOKS} == {rule["alert"] for _, rule in alert_rules} | made


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_has_its_four_parts_and_none_is_a_stub(path):
    title, *parts = re.split(r"^## ", path.read_text(), flags=re.MULTILINE)

    assert title.strip() == f"# {path.stem}"
    assert [part.splitlines()[0] for part in parts] == _HEADINGS
    assert all(len(part.split()) > 15 for part in parts)
    assert _blocks(path, "promql")
    assert _blocks(path, "sh") or _blocks(path, "logql")


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_every_block_says_its_language(path):
    assert {language for _, language, _ in _FENCE.findall(path.read_text())} <= {
        "promql",
        "logql",
        "traceql",
        "sh",
    }


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_its_queries_parse_and_name_what_exists(path, unknown_names):
    for query in _blocks(path, "promql"):
        promql_parser.parse(query)
        assert unknown_names(query) == [], query


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_its_log_queries_select_by_stream_labels_only(path):
    """Other labels are in the line: Loki would find no stream."""
    for query in _blocks(path, "logql"):
        selector = re.search(r"\{([^}]*)\}", query)
        assert selector is not None, query
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector[1])) <= {
            "service_name",
            "environment",
            "level",
        }


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_its_queries_of_logs_and_traces_are_in_the_grammar(path):
    for query in _blocks(path, "logql"):
        logql.parse(textwrap.dedent(query).strip())
    for query in _blocks(path, "traceql"):
        traceql.parse(textwrap.dedent(query).strip())


def test_the_links_to_logs_are_queries_that_parse(alert_rules):
    for _, rule in alert_rules:
        if "logs_url" in rule["annotations"]:
            query = log_query(rule["annotations"]["logs_url"])
            logql.parse(query.replace("{{ $labels.service_name }}", "orders"))
            assert query.startswith(('{service_name="{{ $labels.service_name }}"', _ANYWHERE)), rule["alert"]

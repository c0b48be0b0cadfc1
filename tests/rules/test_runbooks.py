"""Runbooks: one for each alert, whole, and with queries that work."""

import re

import promql_parser
import pytest

from obskit._assets import asset

_HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
_RUNBOOKS = sorted(asset("alerts", "runbooks").glob("*.md"))
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def _blocks(path, language):
    return [body for _, found, body in _FENCE.findall(path.read_text()) if found == language]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alert_rules):
    assert {path.stem for path in _RUNBOOKS} == {rule["alert"] for _, rule in alert_rules}


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
    assert {language for _, language, _ in _FENCE.findall(path.read_text())} <= {"promql", "logql", "sh"}


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_its_queries_parse_and_name_what_exists(path, unknown_names):
    for query in _blocks(path, "promql"):
        promql_parser.parse(query)
        assert unknown_names(query) == [], query


@pytest.mark.parametrize("path", _RUNBOOKS, ids=lambda path: path.stem)
def test_its_log_queries_select_by_stream_labels_only(path):
    """Other labels are in the line: Loki would find no stream."""
    for query in _blocks(path, "logql"):
        selector = re.match(r"\s*\{([^}]*)\}", query)
        assert selector is not None, query
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector[1])) <= {
            "service_name",
            "environment",
            "level",
        }

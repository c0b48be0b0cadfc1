"""Fixtures for tests of rules, routes and runbooks: the real programs on free ports."""

import shutil
import subprocess

import httpx
import promql_parser
import pytest

from obskit import catalog
from obskit._assets import asset
from obskit.rules import load_rules, rule_paths


@pytest.fixture(scope="session")
def alerts_dir():
    return asset("alerts")


@pytest.fixture(scope="session")
def run():
    """Run a program to its end and return what it said, output and errors together."""

    def run_program(*command):
        assert shutil.which(str(command[0])), f"{command[0]} is not installed; run: make setup"
        done = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout

    return run_program


@pytest.fixture
def start_server(tmp_path, wait_for):
    """Start a server that answers ``/-/ready``; it is ended after the test, its log shown when it died."""
    started = []

    def start(name, *command, ready_url):
        log = (tmp_path / f"{name}.log").open("w+")
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT)
        started.append((process, log))

        def ready():
            if process.poll() is not None:
                log.seek(0)
                pytest.fail(f"{name} ended with {process.returncode}: {log.read()[-2000:]}")
            try:
                return httpx.get(ready_url, timeout=1).is_success
            except httpx.TransportError:
                return False

        wait_for(ready, f"{name} is ready", within_s=60)
        return process

    yield start
    for process, log in reversed(started):
        process.terminate()
        process.wait(timeout=30)
        log.close()


@pytest.fixture(scope="session")
def alert_rules(alerts_dir):
    """Every alerting rule that ships, with the name of its file."""
    return [
        (path.name, rule)
        for path in rule_paths()
        for group in load_rules(path)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


# What other programs show about themselves, and prometheus_client about its process.
_FOREIGN = {
    "process_": set(),
    "prometheus_": {"alertmanager", "rule_group"},
    "alertmanager_": {"integration"},
    "traefik_": {"code", "entrypoint", "cn", "sans"},
    "loki_": {"route", "status_code", "le"},
    "tempo_": {"route", "status_code", "le"},
    "traces_service_graph_": {"client", "server"},
}


@pytest.fixture(scope="session")
def unknown_names(alert_rules):
    """Return what an expression names that no metric, recorded series or Prometheus itself has."""
    recorded = {
        rule["record"]
        for path in rule_paths()
        for group in load_rules(path)["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    alert_labels = {label for _, rule in alert_rules for label in rule["labels"]}
    target = {"service_name", "job", "instance"}

    def labels_of(metric):
        family, _, suffix = metric.rpartition("_")
        if metric in {"up", ""}:
            return target | {"__name__"}
        foreign = next((labels for prefix, labels in _FOREIGN.items() if metric.startswith(prefix)), None)
        if foreign is not None:
            return target | foreign
        if metric == "ALERTS":
            return target | alert_labels | {"alertname", "alertstate"}
        if metric in recorded:
            return {"service_name", "slo", "dependency"}
        of_histogram = suffix in {"bucket", "count", "sum"} and family in catalog.METRICS
        if metric not in catalog.METRICS and not of_histogram:
            return None
        found = catalog.METRICS[metric if metric in catalog.METRICS else family]
        return target | set(found.labels) | ({"le"} if of_histogram else set())

    def find(expression):
        unknown = []
        selected, grouped = selectors_of(expression)
        everywhere = set()
        for metric, matchers in selected:
            labels = labels_of(metric or "")
            if labels is None:
                unknown.append(metric)
                continue
            everywhere |= labels
            unknown += [f"{metric}{{{label}}}" for label in matchers if label not in labels]
        return unknown + [label for label in grouped if label not in everywhere]

    return find


def selectors_of(expression):
    """List the metrics with their matched labels, and the labels of by() and on()."""
    selected, grouped = [], []

    def visit(node):
        kind = type(node).__name__
        if kind == "VectorSelector":
            selected.append((node.name, [matcher.name for matcher in node.matchers.matchers]))
        if kind == "AggregateExpr" and node.modifier is not None:
            grouped.extend(node.modifier.labels)
        if kind == "BinaryExpr" and node.modifier is not None and node.modifier.matching is not None:
            grouped.extend(node.modifier.matching.labels)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return selected, grouped

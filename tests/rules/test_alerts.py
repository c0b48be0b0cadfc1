"""The shipped rules: accepted, complete, tested both ways, and named as in the catalogue."""

import re
from collections import Counter

import promql_parser
import pytest
import yaml

from obskit import catalog
from obskit._assets import asset
from obskit.rules import load_rules, rule_paths

_TESTS = sorted(asset("alerts", "tests").glob("*.test.yaml"))
_TEXTS = {"summary", "description", "impact", "action", "runbook_url"}
_SERVICE_LINKS = {"dashboard_url", "logs_url"}


def _expressions():
    return [
        pytest.param(rule["expr"], id=f"{rule.get('alert', rule.get('record'))}-{number}")
        for path in rule_paths()
        for group in load_rules(path)["groups"]
        for number, rule in enumerate(group["rules"])
    ]


def test_promtool_accepts_every_rule_file(run):
    code, said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *rule_paths())

    assert code == 0, said


@pytest.mark.parametrize("path", _TESTS, ids=lambda path: path.name)
def test_unit_tests_of_the_rules_pass(run, path):
    code, said = run("promtool", "test", "rules", path)

    assert code == 0, said


def test_every_alert_is_shown_to_fire_to_stay_quiet_twice_and_to_resolve(alert_rules):
    fires, quiet = Counter(), Counter()
    for path in _TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for check in case.get("alert_rule_test", ()):
                (fires if check["exp_alerts"] else quiet)[check["alertname"]] += 1

    for name in {rule["alert"] for _, rule in alert_rules} - {"Watchdog"}:
        assert fires[name] >= 1, f"no test shows that {name} fires"
        assert quiet[name] >= 3, f"tests show only {quiet[name]} times that {name} is quiet or has resolved"
    assert fires["Watchdog"] >= 1


def test_every_variant_of_every_alert_fires_in_a_test_with_its_labels(alert_rules):
    shown = set()
    for path in _TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for check in case.get("alert_rule_test", ()):
                for alert in check["exp_alerts"]:
                    labels = alert["exp_labels"].items() - {
                        ("service_name", alert["exp_labels"].get("service_name"))
                    }
                    shown.add((check["alertname"], frozenset(labels)))

    for _, rule in alert_rules:
        wanted = rule["labels"].items()
        assert any(name == rule["alert"] and wanted <= labels for name, labels in shown), rule["labels"]


def test_every_alert_says_what_is_broken_for_whom_and_what_to_do(alert_rules):
    for _, rule in alert_rules:
        links = set() if rule["alert"] == "Watchdog" else _SERVICE_LINKS
        assert set(rule["annotations"]) == _TEXTS | links, rule["alert"]
        assert rule["annotations"]["runbook_url"] == f"http://127.0.0.1:8601/runbooks/{rule['alert']}"
        assert all(text.strip() for text in rule["annotations"].values())


def test_a_summary_is_the_same_for_all_alerts_of_an_incident(alert_rules):
    """Alertmanager titles an incident with what its alerts have in common."""
    summaries = {}
    for _, rule in alert_rules:
        assert set(re.findall(r"\$\w+[.\w]*", rule["annotations"]["summary"])) <= {"$labels.service_name"}
        key = (rule["alert"], rule["labels"]["severity"])
        assert summaries.setdefault(key, rule["annotations"]["summary"]) == rule["annotations"]["summary"]


def test_labels_hold_no_values(alert_rules):
    """A value in a label is a new alert at each evaluation, and `for` never passes."""
    for _, rule in alert_rules:
        assert "{{" not in str(rule["labels"])
        assert rule["labels"]["severity"] in {"page", "ticket", "none"}
        assert {"category", "team"} <= set(rule["labels"])


def test_symptoms_page_and_causes_are_tickets(alert_rules):
    """What a user notices, what nobody would notice, and what keeps pages from arriving."""
    assert {rule["alert"] for _, rule in alert_rules if rule["labels"]["severity"] == "page"} == {
        "AlertmanagerNotificationsFailing",
        "AuthBruteForce",
        "AvailabilityBudgetBurn",
        "CertificateExpiry",
        "JobMissed",
        "LatencyBudgetBurn",
        "PagerNotificationsFailing",
        "QueueOldestAgeHigh",
        "ServiceAbsent",
        "TargetDown",
        "TokenFailuresHigh",
    }


def test_there_are_thirty_alerts_at_least_and_every_topic_has_its_file(alert_rules):
    assert len({rule["alert"] for _, rule in alert_rules}) >= 30
    assert {path.name for path in rule_paths()} >= {file for file, _ in alert_rules}


def test_a_dead_service_drops_its_symptoms(alert_rules):
    watching = {"watchers.yaml", "monitoring.yaml"}
    for file, rule in alert_rules:
        if file not in watching:
            assert "\nunless on (service_name) service:down_alerts:count" in rule["expr"], rule["alert"]


def test_a_dead_dependency_drops_the_tickets_of_its_callers(alert_rules):
    for file, rule in alert_rules:
        if file == "resilience.yaml":
            assert "\nunless on (dependency) dependency:down_alerts:count" in rule["expr"]
        if rule["alert"] in {"ServiceErrorRatioHigh", "ServiceLatencyHigh"}:
            assert "\nunless on (service_name) service:down_dependencies:count" in rule["expr"]


def test_every_ratio_has_a_floor_of_events_beside_it(alert_rules):
    """One failure of one request is a ratio of 100 %."""
    for _, rule in alert_rules:
        if "RatioHigh" in rule["alert"] or "BudgetBurn" in rule["alert"]:
            assert re.search(r">= \d+", rule["expr"]), rule["alert"]


def test_a_burn_rate_can_be_reached(alert_rules):
    """14.4 times the allowed rate has to be less than everything, or the alert can never fire."""
    limits = [
        float(a) * float(b)
        for _, rule in alert_rules
        for a, b in re.findall(r"> ([\d.]+) \* ([\d.]+)", rule["expr"])
    ]

    assert len(limits) == 16
    assert max(limits) < 1


@pytest.mark.parametrize("expression", _expressions())
def test_metrics_and_labels_are_those_of_the_catalogue(expression, unknown_names):
    assert unknown_names(expression) == []


def test_the_latency_limit_is_a_bucket_of_the_histogram():
    bounds = {
        matcher.value
        for expression in (parameter.values[0] for parameter in _expressions())
        for matcher in _matchers(expression)
        if matcher.name == "le"
    }

    assert {float(bound) for bound in bounds} == {0.5}
    assert 0.5 in catalog.SERVER_DURATION.buckets


def test_outcomes_are_those_of_the_catalogue():
    named = {
        value
        for expression in (parameter.values[0] for parameter in _expressions())
        for matcher in _matchers(expression)
        if matcher.name == "outcome"
        for value in matcher.value.split("|")
    }
    jobs_calls_and_lookups = {"ok", "failed", "error", "timeout", "hit", "miss", "rejected"}

    assert named == {"server_error", "aborted"} | jobs_calls_and_lookups


def test_recorded_series_differ_between_windows_in_the_window_only():
    forms = {}
    for group in load_rules(asset("alerts", "recording.yaml"))["groups"]:
        for rule in group["rules"]:
            window = re.search(r"\d+[mhd]$", rule["record"])[0]
            forms.setdefault(rule["record"].removesuffix(window), set()).add(
                rule["expr"].replace(f"[{window}]", "[W]")
            )

    assert {name: len(expressions) for name, expressions in forms.items()} == dict.fromkeys(forms, 1)


def test_the_readme_lists_every_alert_with_its_severity(alert_rules, alerts_dir):
    rows = re.findall(
        r"^\| (\w+) \| (\w+) \| .+ \| \[(\w+)\]\(runbooks/(\w+)\.md\) \|$",
        (alerts_dir / "README.md").read_text(),
        re.MULTILINE,
    )

    assert {row[:2] for row in rows} == {
        (rule["alert"], rule["labels"]["severity"]) for _, rule in alert_rules
    }
    assert all(name == text == link for name, _, text, link in rows)


def _matchers(expression):
    found = []

    def visit(node):
        if type(node).__name__ == "VectorSelector":
            found.extend(node.matchers.matchers)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found

import pytest
import yaml

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules import load_alertmanager, load_rules, rule_paths


def _rule(**changes):
    rule = {"alert": "Broken", "expr": "up == 0", "labels": {"severity": "page"}}
    return {key: value for key, value in {**rule, **changes}.items() if value is not None}


@pytest.fixture
def refusal(tmp_path):
    """Write one file, and return what loading it is refused with."""

    def refused(content, load=load_rules):
        path = tmp_path / "alerts" / "own.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value).startswith("alerts/own.yaml is not accepted: ")
        return str(caught.value)

    return refused


def _file(*rules):
    return {"groups": [{"name": "own", "rules": list(rules)}]}


def test_loads_every_shipped_file():
    names = {path.name for path in rule_paths()}
    assert {"availability.yaml", "objectives.yaml", "recording.yaml", "watchers.yaml"} <= names
    assert "slo.yaml" not in names
    assert all(load_rules(path)["groups"] for path in rule_paths())
    assert load_alertmanager(asset("alerts", "alertmanager.yml"))["route"]["receiver"] == "pager"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        load_rules(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("groups: [", "cannot be read as YAML"),
        ("- a", "it holds a list, not a mapping"),
        ("rules: []", "a rule file has one key, 'groups'"),
        ({"groups": [{"rules": []}]}, "has no name"),
        ({"groups": [{"name": "own"}]}, "group 'own' has no list of rules"),
        ({"groups": [{"name": "own", "rules": [], "every": "5m"}]}, "has the key 'every'; accepted are"),
        (
            {"groups": [{"name": "own", "rules": [], "interval": "often"}]},
            "interval: 'often' is not a duration",
        ),
        ({"groups": [{"name": "own", "rules": []}] * 2}, "do not have a name each of their own"),
    ],
)
def test_a_file_that_prometheus_would_refuse_is_refused_with_the_reason(refusal, content, said):
    assert said in refusal(content)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (_rule(alert=None), "group 'own', rule 1 needs one of 'alert' and 'record'"),
        (_rule(record="a:b:c"), "needs one of 'alert' and 'record'"),
        (_rule(expr=None), "group 'own', rule 1 (Broken) has no 'expr'"),
        (_rule(expr="rate(up)"), "rule 1 (Broken), expr: expected type matrix"),
        (_rule(expr="rate(up[5m"), "rule 1 (Broken), expr:"),
        (_rule(expr="up offset 300"), "expr: '300' is not a duration"),
        (_rule(**{"for": "2 minutes"}), "rule 1 (Broken), for: '2 minutes' is not a duration"),
        (_rule(keep_firing_for=5), "keep_firing_for: '5' is not a duration"),
        (_rule(severity="page"), "has the key 'severity'; accepted are alert, annotations, expr, for"),
        (_rule(labels={"level": 3}), "labels: level is 3, not a text"),
        (_rule(annotations=["summary"]), "annotations is not a mapping"),
        ({"record": "a:b:c", "expr": "up", "for": "5m"}, "records a series, so it cannot have 'for'"),
    ],
)
def test_a_rule_that_prometheus_would_refuse_is_named_with_the_reason(refusal, rule, said):
    assert said in refusal(_file(rule))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"receivers": []}, "it has no 'route'"),
        ({"route": {"receiver": "b"}, "receivers": [{"name": "a"}]}, "names the receiver 'b'; there are a"),
        (
            {"route": {"receiver": "a", "routes": [{"receiver": "c"}]}, "receivers": [{"name": "a"}]},
            "names the receiver 'c'; there are a",
        ),
        (
            {"route": {"receiver": "a", "group_wait": "soon"}, "receivers": [{"name": "a"}]},
            "the route to 'a', group_wait: 'soon' is not a duration",
        ),
    ],
)
def test_routes_that_alertmanager_would_refuse_are_refused(refusal, config, said):
    assert said in refusal(config, load_alertmanager)

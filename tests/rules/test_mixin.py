import subprocess
from shutil import which

import pytest
import yaml

from obskit._mixin import Mixin
from obskit.errors import ConfigError
from obskit.rules import load_rules, write_mixed

OWN = Mixin(
    service_label="app", environment_label="env", slow_s=1.0, objectives={"gateway.availability": 99.5}
)


@pytest.fixture
def folder(tmp_path):
    write_mixed(OWN, tmp_path)
    return tmp_path


def expressions(folder):
    files = map(load_rules, folder.glob("*.yaml"))
    return [rule["expr"] for content in files for group in content["groups"] for rule in group["rules"]]


def test_prometheus_and_alertmanager_accept_what_is_written(folder):
    rules = sorted(map(str, folder.glob("*.yaml")))
    subprocess.run([which("promtool"), "check", "rules", *rules], check=True, capture_output=True)
    subprocess.run(
        [which("amtool"), "check-config", folder / "alertmanager.yml"], check=True, capture_output=True
    )


def test_every_rule_and_the_routes_have_the_labels(folder):
    assert not [expr for expr in expressions(folder) if "service_name" in expr]
    routes = yaml.safe_load((folder / "alertmanager.yml").read_text())
    assert routes["route"]["group_by"] == ["alertname", "app", "env"]


def test_the_bound_and_the_objective_are_those_of_the_configuration(folder):
    text = "\n".join(expressions(folder))

    assert 'le="1.0"' in text
    assert 'le="0.5"' not in text
    assert "vector(0.995)" in text


def test_an_objective_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"'gateway\.speed'.*gateway\.availability"):
        write_mixed(Mixin(objectives={"gateway.speed": 99.0}), tmp_path)

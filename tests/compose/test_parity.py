"""What the stack in containers and the one without load is the same: rules, routes, boards, doors."""

from pathlib import Path

import pytest
import yaml

from obskit import rules
from obskit._assets import asset
from obskit.stack import Home, native_plan, resolve_ports
from obskit.stack._traefik import _routes, _static

ADDRESSES = {
    "http://127.0.0.1:8081": "http://gateway:8081",
    "http://127.0.0.1:8082": "http://gateway-2:8081",
    "http://127.0.0.1:4318": "http://tempo:4318",
}


@pytest.fixture
def native(tmp_path):
    """The configuration that the native stack writes, without starting anything."""
    home = Home.at(tmp_path / "home")
    home.create()
    native_plan(home, ports=resolve_ports(environ={}))
    return home


def moved(value):
    """Return *value* with the addresses of the containers."""
    if isinstance(value, dict):
        return {key: moved(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [moved(inner) for inner in value]
    if not isinstance(value, str):
        return value
    for local, there in ADDRESSES.items():
        value = value.replace(local, there)
    return value.removeprefix("127.0.0.1") if value.startswith("127.0.0.1:") else value


def test_both_evaluate_the_same_rules(native, configs):
    mine = yaml.safe_load((native.prometheus / "prometheus.yml").read_text())["rule_files"]
    theirs = configs("prometheus/prometheus.yml")["rule_files"]
    assert [path.rsplit("/", 1)[1] for path in mine] == [path.rsplit("/", 1)[1] for path in theirs]
    for path in mine:
        shipped = yaml.safe_load((asset("alerts") / path.rsplit("/", 1)[1]).read_text())
        written = yaml.safe_load(Path(path).read_text())
        assert expressions(written) == expressions(shipped)


def expressions(content):
    """Everything of a rule file but its links, which name the place of the boards."""
    return [
        {key: value for key, value in rule.items() if key != "annotations"}
        for group in content["groups"]
        for rule in group["rules"]
    ]


def test_both_have_the_same_routes(native):
    shipped = yaml.safe_load((asset("alerts") / "alertmanager.yml").read_text())
    written = yaml.safe_load((native.prometheus / "rules" / "alertmanager.yml").read_text())
    assert written["route"] == shipped["route"]
    assert written["inhibit_rules"] == shipped["inhibit_rules"]
    assert [one["name"] for one in written["receivers"]] == [one["name"] for one in shipped["receivers"]]


def test_both_show_the_same_boards(parsed):
    """The console of both reads dashboards/json of the package; Grafana has the folder mounted."""
    assert "../dashboards/json:/etc/grafana/dashboards:ro" in parsed["services"]["grafana"]["volumes"]
    assert "COPY dashboards dashboards" in (asset("compose") / "sample.Dockerfile").read_text()


def test_both_have_the_same_door(configs):
    ports = resolve_ports(environ={})
    static = moved(_static(ports, "/etc/traefik/routes.yaml"))
    static.pop("api")  # its page is not published here
    assert configs("traefik/traefik.yaml") == static
    routes = moved(_routes(ports, "", ""))
    routes["tls"].pop("stores")  # Traefik makes a certificate until it is given one
    assert configs("traefik/routes.yaml") == routes


def test_both_run_the_same_services(native, parsed):
    plan = native_plan(native, ports=resolve_ports(environ={}))
    without = {"keeper", "embedded"}
    assert {spec.name for spec in plan.processes} - without <= parsed["services"].keys()


def test_rules_are_all_found():
    assert rules.rule_paths()

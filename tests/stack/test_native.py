import shutil
import subprocess

import pytest
import yaml

from obskit import stack
from obskit._assets import asset
from obskit.errors import ConfigError

PORTS = {port.name: port.default + 10_000 for port in stack.PORTS}


@pytest.fixture
def home(tmp_path) -> stack.Home:
    home = stack.Home.at(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def spec(home):
    """Gives one process of the native plan."""
    plan = stack.native_plan(home, ports=PORTS, time_scale=30)
    return {spec.name: spec for spec in plan.processes}.__getitem__


def test_every_port_of_the_table_has_its_process(home):
    plan = stack.native_plan(home, ports=PORTS)

    served = plan.listening
    absent = {"loadgen", "loki-grpc", "tempo-grpc", "shipper"}
    assert served == {name: port for name, port in PORTS.items() if name not in absent}
    assert plan.ports == PORTS


@pytest.mark.parametrize(
    "name", ["console", "pager", "alertmanager", "prometheus", "inventory", "orders", "gateway"]
)
def test_listens_on_loopback_only(spec, name):
    arguments = " ".join(spec(name).argv)

    assert "0.0.0.0" not in arguments
    assert str(PORTS[name]) in arguments


def test_services_wait_for_nats(spec):
    for name in ("gateway", "orders", "inventory"):
        assert spec(name).after == ("nats",)


def test_the_samples_are_one_such_file_with_the_ports_of_the_table():
    file = asset("sample_services", "obskit.toml")
    written = [one.processes for one in stack.load_project(file).services]

    defaults = {port.name: port.default for port in stack.PORTS}
    assert {name: port for one in written for name, port in one.items()} == {
        name: defaults[name] for one in written for name in one
    }


def test_services_are_told_where_the_others_are(spec):
    env = spec("orders").env

    assert env["INVENTORY_URL"] == f"http://127.0.0.1:{PORTS['inventory']}"
    assert env["NATS_URL"] == f"nats://127.0.0.1:{PORTS['nats']}"
    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://127.0.0.1:{PORTS['otlp']}"


@pytest.mark.parametrize("name", ["console", "pager", "embedded"])
def test_what_watches_sends_no_spans(spec, name):
    assert spec(name).env["OTEL_TRACES_EXPORTER"] == "none"


def test_the_console_is_told_where_everything_answers(spec):
    arguments = spec("console").argv

    for name in ("prometheus", "alertmanager", "pager"):
        assert f"--{name}-url=http://127.0.0.1:{PORTS[name]}" in arguments
    assert f"--logs-url=http://127.0.0.1:{PORTS['loki']}" in arguments
    assert f"--traces-url=http://127.0.0.1:{PORTS['tempo']}" in arguments
    assert f"--service=inventory=http://127.0.0.1:{PORTS['inventory']}" in arguments


def test_pages_lead_to_boards_and_logs_of_the_console(spec, home):
    spec("prometheus")
    rules = yaml.safe_load((home.prometheus / "rules" / "availability.yaml").read_text())
    notes = next(
        rule["annotations"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "dashboard_url" in rule.get("annotations", {})
    )

    console = f"http://127.0.0.1:{PORTS['console']}"
    assert notes["dashboard_url"].startswith(f"{console}/d/obskit-")
    assert notes["logs_url"].startswith((f"{console}/logs?", f"{console}/explore?"))


def test_no_secret_is_in_a_command_line_or_an_environment(home):
    plan = stack.native_plan(home, ports=PORTS)

    shown = repr(plan)
    assert home.token() not in shown
    assert home.routing_key.read_text() not in shown


def test_nats_accepts_its_configuration(spec):
    program, *arguments = spec("nats").argv

    checked = subprocess.run([program, *arguments, "-t"], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_accepts_its_configuration_with_the_rules(spec, home):
    spec("prometheus")
    config = home.prometheus / "prometheus.yml"

    checked = subprocess.run(
        [shutil.which("promtool"), "check", "config", config], capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert yaml.safe_load(config.read_text())["rule_files"]


def test_pager_escalates_at_the_time_scale(spec, home):
    assert {"--deadman-s=60", "--time-scale=30"} <= set(spec("pager").argv)
    fast = stack.native_plan(home, ports=PORTS, time_scale=100_000)
    pager = next(one for one in fast.processes if one.name == "pager")
    assert "--time-scale=10000" in pager.argv  # the pager takes no more


def test_time_scale_below_production_is_refused(home):
    with pytest.raises(ConfigError, match="time scale"):
        stack.native_plan(home, ports=PORTS, time_scale=0.5)

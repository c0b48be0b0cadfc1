import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from obskit import stack
from obskit.embedded.logs import LogBackend
from obskit.errors import ConfigError, StackError
from obskit.stack._own import watch_too
from obskit.stack._services import service_specs

PORTS = {port.name: port.default + 20_000 for port in stack.PORTS}
STANDIN = Path(__file__).with_name("standin.py")


@pytest.fixture
def home(tmp_path) -> stack.Home:
    home = stack.Home.at(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def project(tmp_path, free_port):
    """Reads an obskit.toml with a service that can be started."""

    def read(more="", top=""):
        path = tmp_path / "obskit.toml"
        command = json.dumps([sys.executable, str(STANDIN), "{port}"])
        path.write_text(f"{top}\n[services.shop]\ncommand = {command}\nport = {free_port()}\n{more}\n")
        return stack.load_project(path)

    return read


def planned(home, project):
    return {spec.name: spec for spec in stack.native_plan(home, ports=PORTS, project=project).processes}


def targets(home, name):
    return json.loads((home.targets / f"{name}.json").read_text())


def test_runs_in_the_place_of_the_samples(home, project, tmp_path):
    mine = project()
    specs = planned(home, mine)

    assert {"keeper", "nats", "prometheus", "alertmanager", "pager", "console", "embedded", "shop"} <= set(
        specs
    )
    assert not {"gateway", "orders", "traefik", "smtp"} & set(specs)
    assert specs["shop"].directory == str(tmp_path)
    assert specs["prometheus"].at_first_after[-1] == "shop"
    names = {path.stem for path in home.targets.glob("*.json")}
    assert names == {"shop", "console", "pager", "prometheus", "alertmanager", "embedded"}


def test_runs_beside_the_samples_when_that_is_said(home, project):
    specs = planned(home, project(top="samples = true"))

    assert {"gateway", "orders", "shop"} <= set(specs)
    assert (home.targets / "orders.json").exists()


def test_is_told_where_traces_and_logs_go_and_its_own_variables_win(home, project):
    env = planned(home, project('env = {PORT = "1", COLOUR = "red"}'))["shop"].env

    assert env["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://127.0.0.1:{PORTS['otlp']}"
    assert env["OBSKIT_LOG_DIR"] == str(home.service_logs)
    assert env["OTEL_SERVICE_NAME"] == "shop"
    assert (env["PORT"], env["COLOUR"]) == ("1", "red")


def test_each_replica_is_scraped_at_its_path_with_the_name_of_the_service(home, project):
    planned(home, project('[services.far]\nurl = ["http://localhost:1234", "https://[::1]"]\nmetrics = "/m"'))

    labels = [group["labels"] for group in targets(home, "far")]
    assert [group["targets"] for group in targets(home, "far")] == [["127.0.0.1:1234"], ["[::1]:443"]]
    assert labels[0] == {"service_name": "far", "__metrics_path__": "/m", "__scheme__": "http"}
    assert labels[1]["__scheme__"] == "https"


def test_prometheus_accepts_its_rules_and_they_page_its_owner(home, project):
    planned(home, project('owner = "shop-team"\nslos = [{kind = "availability", objective = 99.5}]'))

    config = home.prometheus / "prometheus.yml"
    checked = subprocess.run(
        [shutil.which("promtool"), "check", "config", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    files = {Path(path).name for path in yaml.safe_load(config.read_text())["rule_files"]}
    assert "objectives-own-shop.yaml" in files
    assert "objectives.yaml" not in files  # those of the samples
    rules = yaml.safe_load((home.prometheus / "rules" / "objectives-own-shop.yaml").read_text())
    pages = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    assert {rule["labels"]["team"] for rule in pages} == {"shop-team"}
    assert all('service_name="shop"' in rule["expr"] for rule in pages)


def test_replicas_have_a_process_and_a_target_each_and_find_their_neighbours(home, tmp_path):
    path = tmp_path / "obskit.toml"
    path.write_text("""
env = {STATE = "{home}/data", MAIL = "smtp://127.0.0.1:{port:mail}"}
[services.shop]
command = "python -m shop --port {port}"
port = [18000, 18001]
[services.mail]
command = "python -m mail"
port = 18002
metrics = ""
ready = ""
""")
    specs = planned(home, stack.load_project(path))

    assert [specs[name].argv[-1] for name in ("shop", "shop-2")] == ["18000", "18001"]
    assert specs["shop-2"].env["STATE"] == f"{home.root}/data"
    assert specs["shop-2"].env["MAIL"] == "smtp://127.0.0.1:18002"
    assert specs["shop-2"].env["OTEL_SERVICE_NAME"] == "shop"
    groups = targets(home, "shop")
    assert [group["targets"] for group in groups] == [["127.0.0.1:18000"], ["127.0.0.1:18001"]]
    assert {group["labels"]["service_name"] for group in groups} == {"shop"}
    assert not (home.targets / "mail.json").exists()
    assert specs["mail"].url == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "mine.json cannot be read as JSON"),
        ('{"uid": "a b", "title": "A", "panels": []}', "mine.json is no board; use Grafana's JSON"),
        (
            '{"uid": "obskit-service", "title": "A", "panels": []}',
            "has the uid 'obskit-service', which service.json",
        ),
    ],
)
def test_a_file_that_is_no_board_is_refused_with_its_key(home, project, tmp_path, content, says):
    (tmp_path / "mine.json").write_text(content)

    with pytest.raises(ConfigError, match=rf"boards: .*{says}"):
        planned(home, project(top='boards = "mine.json"'))


def test_own_rule_files_are_taken_in_and_a_wrong_one_is_refused(home, project, tmp_path):
    rule = {"alert": "ShopEmpty", "expr": "shop_items == 0", "labels": {"severity": "ticket"}}
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "shop", "rules": [rule]}]}))
    planned(home, project(top='rules = ["shop.yaml"]'))
    assert (home.prometheus / "rules" / "own-shop.yaml").exists()

    file.write_text(yaml.safe_dump({"groups": [{"name": "shop", "rules": [{**rule, "expr": "("}]}]}))
    with pytest.raises(ConfigError, match=r"shop\.yaml is not accepted: .*ShopEmpty"):
        planned(home, project(top='rules = ["shop.yaml"]'))


def test_the_name_of_a_process_of_the_stack_is_refused(home, project, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text('[services.pager]\nurl = "http://localhost:1"')

    with pytest.raises(ConfigError, match="The service 'pager' has the name of a process of the stack"):
        planned(home, stack.load_project(path))


def test_a_program_that_is_not_there_is_named(home, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text('[services.shop]\ncommand = "no-such-program"')

    with pytest.raises(StackError, match="'no-such-program' of the service shop is not there") as caught:
        planned(home, stack.load_project(path))
    assert ".venv" in caught.value.fix


def test_a_taken_port_is_named_with_what_to_do(home, project):
    mine = project()
    with (
        socket.create_server(("127.0.0.1", mine.services[0].ports[0])),
        pytest.raises(StackError, match="of the service shop is taken") as caught,
    ):
        planned(home, mine)
    assert "url =" in caught.value.fix


def test_a_port_of_the_stack_is_refused_with_its_owner(home, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(f'[services.shop]\ncommand = "python"\nport = {PORTS["console"]}')

    with pytest.raises(ConfigError, match=rf"services.shop.port has {PORTS['console']}.* --port console=N"):
        planned(home, stack.load_project(path))


def test_what_runs_keeps_the_path_of_its_shell_until_something_else_is_different(home, tmp_path, monkeypatch):
    tool = tmp_path / "tools" / "shop-server"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    path = tmp_path / "obskit.toml"

    def specs(command, running=()):
        path.write_text(f'[services.shop]\ncommand = "{command}"')
        return service_specs(home, stack.load_project(path).services, PORTS, "http://otlp", running)

    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin")
    begun = specs("shop-server")
    monkeypatch.setenv("PATH", "/usr/bin")  # another shell

    assert specs("shop-server", begun) == begun
    (changed,) = specs("env --version", begun)
    assert str(tool.parent) not in changed.env["PATH"]


def test_nobody_is_paged_for_what_was_taken_out_while_the_stack_was_down(home, project):
    planned(home, project())
    planned(home, None)

    watchers = (home.prometheus / "rules" / "watchers.yaml").read_text()
    assert 'service_name!~"|shop"' in watchers


def test_the_plan_keeps_what_was_asked_for_and_by_which_file(home, project):
    mine = project()

    assert stack.native_plan(home, ports=PORTS, project=mine).samples is None
    plan = stack.native_plan(home, ports=PORTS, project=mine.joined([], samples=True))
    assert (plan.samples, plan.project) == (True, str(mine.path))


def test_what_an_earlier_start_knew_is_forgotten(home, project, tmp_path):
    (tmp_path / "shop.log").write_text("kept\n")
    planned(home, project('logs = "shop.log"'))
    assert [one.name for one in stack.known_services(home)] == ["shop"]
    planned(home, None)

    assert stack.known_services(home) == ()
    assert not (home.targets / "shop.json").exists()
    assert not (home.service_logs / "shop").exists()
    assert (tmp_path / "shop.log").read_text() == "kept\n"


def test_attaching_adds_to_what_is_known(home, project):
    planned(home, project('slos = [{kind = "availability", objective = 99.5}]'))
    watch_too(home, [stack.attached("far=http://localhost:9999")])

    shop, far = stack.known_services(home)
    assert (shop.is_started, shop.objectives) == (True, ("availability",))
    assert (far.name, far.is_started, far.addresses) == ("far", False, ("http://localhost:9999",))
    assert targets(home, "far")[0]["targets"] == ["127.0.0.1:9999"]


def test_lines_of_its_files_and_folders_are_stored_under_its_name(home, project, tmp_path, wait_for):
    folder = tmp_path / "far-logs"
    folder.mkdir()
    (folder / "a.log").write_text("plain text\n")
    (tmp_path / "shop.txt").write_text('{"event": "json.line", "level": "warning"}\n')
    planned(
        home, project(f'logs = ["shop.txt", "stdout"]\n[services.far]\nurl = "http://a"\nlogs = "{folder}"')
    )
    home.log_of("shop").write_text("printed\n")
    backend = LogBackend(home.data / "logs.db", home.service_logs)
    backend.start()
    try:
        wait_for(lambda: len(lines(home)) == 3, "three lines")
    finally:
        backend.close()

    assert lines(home) == {
        ("shop", '{"event": "json.line", "level": "warning"}'),
        ("shop", "printed"),
        ("far", "plain text"),
    }


def lines(home):
    with sqlite3.connect(home.data / "logs.db") as database:
        rows = database.execute(
            "select labels, line from lines join streams on streams.id = stream"
        ).fetchall()
    return {(json.loads(labels)["service_name"], line) for labels, line in rows}

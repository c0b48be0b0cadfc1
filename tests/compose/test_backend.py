"""``--backend compose``: what Docker is told, and what a person is told where it is missing."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest
import yaml

from obskit import stack
from obskit._assets import asset
from obskit.cli import _verify
from obskit.cli.main import run

NO_ENGINE = "Cannot connect to the Docker daemon. Is the docker daemon running?"
DOCKER = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path({folder!r})
arguments = sys.argv[1:]
with (here / "calls.jsonl").open("a") as calls:
    kept = {{name: os.environ.get(name, "") for name in {names!r}}}
    calls.write(json.dumps({{"arguments": arguments, "cwd": os.getcwd(), **kept}}) + "\\n")
state = json.loads((here / "state.json").read_text())
if arguments[:1] == ["version"] and not state["engine"]:
    sys.exit(state["refusal"])
if arguments[:1] == ["version"]:
    print(state["version"], "28.0.1")
if arguments[:2] == ["compose", "version"] and not state["compose"]:
    sys.exit("docker: unknown command: docker compose")
if "up" in arguments and state["fails"]:
    sys.exit("no space left on device")
if "ps" in arguments:
    print("\\n".join(str(n) for n, _ in enumerate(state["containers"][0])))
if arguments[:1] == ["inspect"]:
    shown = state["containers"][0]
    if len(state["containers"]) > 1:
        state["containers"].pop(0)
        (here / "state.json").write_text(json.dumps(state))
    print(json.dumps([
        {{
            "Config": {{"Labels": {{"com.docker.compose.service": name}}}},
            "State": {{"Status": status, **({{"Health": {{"Status": health}}}} if health else {{}})}},
        }}
        for name, status, health in shown
    ]))
"""


KEPT = (
    "SECRETS_DIR",
    "BOARDS_DIR",
    "ALERTS_DIR",
    "PROMETHEUS_DIR",
    "LOAD_MODE",
    "LOAD_RATE",
    "COMPOSE_PROFILES",
    "DOCKER_BUILDKIT",
)


class Docker:
    """A docker command that answers as told and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / "docker"
        program.write_text(DOCKER.format(python=sys.executable, folder=str(folder), names=KEPT))
        program.chmod(0o755)
        self.answers()

    def answers(
        self, *, engine=True, compose=True, fails=False, containers=((),), refusal=NO_ENGINE, version="28.0.1"
    ):
        state = {"engine": engine, "compose": compose, "fails": fails, "containers": containers}
        state |= {"refusal": refusal, "version": version}
        (self._folder / "state.json").write_text(json.dumps(state))

    @property
    def calls(self):
        path = self._folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, verb):
        """Return what the one call with *verb* was."""
        (found,) = [call for call in self.calls if verb in call["arguments"]]
        return found


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """A PATH with a shell and nothing of Docker."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "dirname", "mkdir", "chmod", "head", "od", "tr", "cat"):
        found = next(Path(one, name) for one in ("/usr/bin", "/bin") if Path(one, name).exists())
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("COMPOSE_PROFILES", raising=False)
    return folder


@pytest.fixture
def docker(bin_folder):
    return Docker(bin_folder)


@pytest.fixture
def obskit_command(tmp_path, capfd):
    """Run a command in a home of its own; gives the exit code, stdout and stderr."""

    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            run([*arguments, "--backend", "compose", "--home", str(tmp_path / "home")])
        return ended.value.code or 0, *capfd.readouterr()

    return command


STARTING = [("grafana", "running", "starting"), ("tempo", "running", "")]
READY = [("grafana", "running", "healthy"), ("tempo", "running", "")]


def test_up_starts_everything_and_returns_when_all_is_healthy(docker, obskit_command, tmp_path):
    docker.answers(containers=[STARTING, READY])
    code, out, err = obskit_command("up")
    assert code == 0, err
    assert docker.told("build")["arguments"] == ["compose", "--env-file", "versions.env", "build", "pager"]
    assert docker.told("up")["arguments"] == ["compose", "--env-file", "versions.env", "up", "--detach"]
    assert Path(docker.told("up")["cwd"]).name == "compose"
    assert "http://127.0.0.1:3000" in out
    assert "2 containers are ready." in out
    assert err.index("starting") < err.index("healthy")
    assert docker.told("up")["SECRETS_DIR"] == str(tmp_path / "home" / "compose" / "secrets")


def test_boards_of_the_project_are_where_grafana_and_the_console_look(
    docker, obskit_command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text('{"uid": "mine", "title": "Mine", "panels": []}')
    (tmp_path / "obskit.toml").write_text('boards = "mine.json"')
    docker.answers(containers=[READY])

    code, _, err = obskit_command("up")

    assert code == 0, err
    assert [path.name for path in Path(docker.told("up")["BOARDS_DIR"]).iterdir()] == ["mine.json"]


def test_up_makes_the_secrets_in_the_home_folder_and_prints_none(docker, obskit_command, tmp_path):
    docker.answers(containers=[READY])
    _, out, err = obskit_command("up")
    secrets = {path.name: path.read_text() for path in (tmp_path / "home/compose/secrets").iterdir()}
    assert "grafana_admin_password" in secrets
    assert not [name for name, text in secrets.items() if text.strip() in out + err]


def test_up_speaks_json_to_machines(docker, obskit_command):
    docker.answers(containers=[READY])
    _, out, _ = obskit_command("up", "--json")
    assert json.loads(out)["containers"] == [
        {"name": "grafana", "state": "running", "health": "healthy"},
        {"name": "tempo", "state": "running", "health": None},
    ]


def test_what_does_not_become_healthy_is_named(docker, obskit_command, monkeypatch):
    monkeypatch.setitem(stack.compose_up.__kwdefaults__, "wait_s", 0.0)
    docker.answers(containers=[[("loki", "restarting", ""), ("grafana", "running", "unhealthy")]])
    code, _, err = obskit_command("up")
    assert code == 1
    assert "Not ready in time: grafana (unhealthy), loki (restarting)." in err
    assert "--backend native" in err
    assert docker.told("logs")["arguments"][-2:] == ["grafana", "loki"]


@pytest.fixture
def own_address(monkeypatch):
    """Publish at an address of this process alone, whatever else runs on the machine."""
    number = os.getpid()
    address = f"127.77.{number >> 8 & 255}.{number & 255 or 1}"
    monkeypatch.setenv("BIND", address)
    return address


@pytest.mark.usefixtures("own_address")
def test_a_compose_that_fails_is_an_error_and_not_a_traceback(docker, obskit_command):
    docker.answers(fails=True)
    code, _, err = obskit_command("up")
    assert code == 1
    assert "no space left on device" in err
    assert "failed with exit code 1" in err


def test_an_engine_that_does_not_answer_is_said_so(docker, obskit_command, tmp_path):
    docker.answers(engine=False)
    code, _, err = obskit_command("up")
    assert code == 1
    assert "No Docker engine answers." in err
    assert "Is the docker daemon running?" in err
    assert "obskit up --backend native" in err
    assert not (tmp_path / "home").exists()


def test_an_engine_that_the_user_may_not_use_is_told_apart(docker, obskit_command):
    docker.answers(engine=False, refusal="dial unix /var/run/docker.sock: connect: permission denied")
    code, _, err = obskit_command("up")
    assert code == 1
    assert "This user may not use the Docker engine." in err
    assert "--groups docker" in err


def test_a_port_that_another_program_has_is_named_with_its_service(docker, obskit_command, own_address):
    docker.answers(fails=True, containers=[READY])
    with socket.create_server((own_address, 9090)):  # what Prometheus publishes
        code, _, err = obskit_command("up")
    assert code == 1
    assert "Port 9090 (prometheus) is taken by" in err
    assert f"(pid {os.getpid()})" in err
    assert "obskit up --backend compose again" in " ".join(err.split())


@pytest.mark.parametrize(("client", "switch"), [("20.10.24+dfsg1", "1"), ("28.0.1", ""), ("", "")])
def test_a_client_before_23_is_told_to_heed_what_a_build_leaves_out(
    docker, obskit_command, monkeypatch, client, switch
):
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    docker.answers(version=client, containers=[READY])
    obskit_command("up")
    assert docker.told("up")["DOCKER_BUILDKIT"] == switch


@pytest.mark.usefixtures("bin_folder")
def test_no_docker_at_all_is_said_so(obskit_command):
    for verb in ("up", "down"):
        code, _, err = obskit_command(verb)
        assert code == 1
        assert "Docker Compose is not installed" in err


def test_debians_docker_compose_is_used_where_docker_has_no_compose(docker, obskit_command, bin_folder):
    (bin_folder / "docker-compose").symlink_to(bin_folder / "docker")
    docker.answers(compose=False, containers=[READY])
    code, _, _ = obskit_command("up")
    assert code == 0
    assert docker.told("up")["arguments"] == ["--env-file", "versions.env", "up", "--detach"]


@pytest.mark.parametrize("option", [("--port", "grafana=1"), ("--foreground",), ("--loki", "embedded")])
def test_options_of_the_other_backend_are_misuse(docker, obskit_command, option):
    code, _, _ = obskit_command("up", *option)
    assert code == 2
    assert docker.calls == []


def test_the_commands_of_obskit_and_the_containers_have_one_token(docker, obskit_command, tmp_path):
    docker.answers(containers=[READY])
    home = stack.Home.at(tmp_path / "home")
    obskit_command("up")
    theirs = home.root / "compose/secrets/admin_token"
    assert home.token() == theirs.read_text()
    # Those of somebody who ran init.sh first: containers may run with them, so they stay.
    theirs.chmod(0o644)
    theirs.write_text("made-by-init")
    obskit_command("up")
    assert home.token() == theirs.read_text() == "made-by-init"
    assert home.admin_token.stat().st_mode & 0o777 == 0o600


def test_a_stack_that_does_not_start_leaves_the_token_of_the_other_alone(docker, obskit_command, tmp_path):
    home = stack.Home.at(tmp_path / "home")
    home.create()
    before = home.token()
    (home.root / "compose/secrets").mkdir(parents=True)
    (home.root / "compose/secrets/admin_token").write_text("made-by-init")
    docker.answers(fails=True)
    assert obskit_command("up")[0] == 1
    assert home.token() == before


def test_time_that_runs_faster_is_in_copies_of_the_shipped_files(docker, obskit_command, parsed):
    docker.answers(containers=[READY])
    assert obskit_command("up", "--time-scale", "60")[0] == 0
    told = docker.told("up")
    alerts, prometheus = Path(told["ALERTS_DIR"]), Path(told["PROMETHEUS_DIR"])
    shipped = {Path(name).name for name in rules_of(asset("compose") / "prometheus")}
    assert {Path(name).name for name in rules_of(prometheus)} == shipped
    assert {path.name for path in alerts.iterdir()} == shipped | {"alertmanager.yml"}
    assert "[30s]" in (alerts / "recording.yaml").read_text()
    assert "[30s]" not in (asset("alerts") / "recording.yaml").read_text()
    routes = (alerts / "alertmanager.yml").read_text()
    assert "http://pager:8601/v2/enqueue" in routes
    assert "/run/secrets/pagerduty_routing_key" in routes
    for path in (*alerts.iterdir(), *prometheus.iterdir()):
        assert path.stat().st_mode & 0o444 == 0o444, path
    config = yaml.safe_load((prometheus / "prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == "1s"
    assert (told["LOAD_MODE"], told["LOAD_RATE"]) == ("faults", "8")
    assert {"--mode=mix", "--rate=20"} <= set(parsed["services"]["loadgen"]["command"])


def rules_of(folder):
    return yaml.safe_load((folder / "prometheus.yml").read_text())["rule_files"]


def test_without_a_time_scale_the_committed_files_are_mounted(docker, obskit_command):
    docker.answers(containers=[READY])
    obskit_command("up")
    assert {
        docker.told("up")[name] for name in ("ALERTS_DIR", "PROMETHEUS_DIR", "LOAD_MODE", "LOAD_RATE")
    } == {""}


def test_status_shows_the_containers(docker, obskit_command):
    docker.answers(containers=[READY])
    code, out, _ = obskit_command("status")
    assert code == 0
    assert "grafana" in out
    docker.answers(containers=[STARTING])
    code, out, _ = obskit_command("status", "--json")
    assert code == 1
    assert json.loads(out)["ready"] is False


def test_status_says_when_nothing_runs(docker, obskit_command):
    code, _, err = obskit_command("status")
    assert code == 1
    assert "No containers of obskit are running." in err
    assert docker.told("ps")["COMPOSE_PROFILES"] == "core,agents,samples,load"


@pytest.mark.parametrize(
    ("containers", "said"),
    [((), "No load generator runs"), (READY, "No load generator runs"), (STARTING, "Not ready: grafana.")],
)
def test_faults_are_verified_only_where_all_containers_run_and_send_load(
    docker, obskit_command, containers, said
):
    docker.answers(containers=[containers])
    code, _, err = obskit_command("fault", "verify", "inventory-slow")
    assert code == 1
    assert said in err
    assert "--time-scale 60" in " ".join(err.split())


def test_faults_are_verified_with_the_load_of_the_containers(docker, obskit_command, monkeypatch):
    def verified(_eyes, fault, options):
        options.alive()
        checks = {name: _verify.Check(passed=True, said="ok") for name in _verify.CHECKS}
        return _verify.RowResult(id=fault.id, level=100, at="now", seconds=1.0, checks=checks)

    monkeypatch.setattr(_verify, "warm_up", lambda *_: None)
    monkeypatch.setattr(_verify, "verify", verified)
    docker.answers(containers=[[*READY, ("loadgen", "running", "healthy")]])
    code, out, err = obskit_command("fault", "verify", "inventory-slow", "--json")
    assert code == 0, err
    assert [row["id"] for row in json.loads(out)["faults"]] == ["inventory-slow"]


def test_down_ends_every_profile_and_keeps_the_data(docker, obskit_command):
    docker.answers(containers=[READY])
    code, out, _ = obskit_command("down")
    assert code == 0
    told = docker.told("down")
    assert told["arguments"] == ["compose", "--env-file", "versions.env", "down", "--remove-orphans"]
    assert told["COMPOSE_PROFILES"] == "core,agents,samples,load"
    assert "Nothing is left running." in out


def test_wipe_removes_data_and_secrets(docker, obskit_command, tmp_path):
    docker.answers(containers=[READY])
    obskit_command("up")
    obskit_command("down", "--wipe")
    assert "--volumes" in docker.told("down")["arguments"]
    assert not (tmp_path / "home" / "compose").exists()


def test_down_says_when_nothing_ran(docker, obskit_command):
    _, out, _ = obskit_command("down")
    assert "No containers of obskit were running." in out


def test_the_environment_of_the_user_reaches_compose(docker, obskit_command, monkeypatch):
    monkeypatch.setenv("COMPOSE_PROFILES", "core")
    docker.answers(containers=[READY])
    obskit_command("up")
    assert docker.told("up")["COMPOSE_PROFILES"] == "core"
    assert os.environ["COMPOSE_PROFILES"] == "core"

import json

import pytest
from typer.testing import CliRunner

from obskit import stack
from obskit.cli import _own_services
from obskit.cli._application import build
from obskit.errors import StackError

SHOP = '[services.shop]\nurl = "http://localhost:8000"\n'


def test_a_running_stack_takes_a_service_in_without_a_restart(shell):
    shell.run_standins("up")
    before = json.loads(shell.run("status", "--json").out)["processes"]

    result = shell.run_standins("up", "--attach", f"far=http://localhost:{shell.ports['orders']}")

    assert result.code == 0, result.err
    assert "Added far.\nAll else ran on." in result.out
    assert f"http://localhost:{shell.ports['orders']}/metrics" in result.out
    assert f"OBSKIT_LOG_DIR={shell.home.service_logs}" in result.out
    (group,) = json.loads((shell.home.targets / "far.json").read_text())
    assert group["targets"] == [f"127.0.0.1:{shell.ports['orders']}"]
    after = json.loads(shell.run("status", "--json").out)["processes"]
    assert [row["pid"] for row in after] == [row["pid"] for row in before]


def test_an_attached_service_that_is_not_there_yet_is_said_to_be_so(shell, free_port):
    shell.run_standins("up")

    result = shell.run_standins("up", "--attach", f"far=http://localhost:{free_port()}")

    assert result.code == 0
    assert "/metrics does not answer yet (ConnectError)" in result.out


def test_attach_in_another_form_is_misuse(shell):
    result = shell.run("up", "--attach", "localhost:8000")

    assert result.code == 2
    assert "--attach" in result.err
    assert "NAME=URL, such as" in " ".join(result.err.split())


def test_a_wrong_file_is_refused_before_anything_starts(shell, tmp_path):
    path = tmp_path / "obskit.toml"
    path.write_text('[services.shop]\nurl = "http://localhost:8000"\nport = "80"')

    result = shell.run("up", "--project", str(path))

    assert result.code == 1
    assert "Error: obskit.toml: services.shop.port is for a service with a command" in result.err
    assert "Traceback" not in result.err
    assert shell.running() == []


def test_a_file_without_services_is_refused_where_it_was_asked_for(shell, tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "shop"')

    result = shell.run("up", "--project", str(path))

    assert result.code == 1
    assert "names no service; add one, such as [services.shop]" in result.err


def test_containers_take_no_services(shell):
    result = shell.run("up", "--backend", "compose", "--attach", "shop=http://localhost:8000")

    assert result.code == 2
    assert "--attach" in result.err


@pytest.fixture
def second_up(tmp_path, monkeypatch):
    """Tells what a second up wants of a stack that was asked for what is given."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def wanted(*, file="", of_stack="", option=None, attach=(), **running):
        asked = []
        if file:
            (here / "obskit.toml").write_text(file)
        if of_stack:
            (tmp_path / "obskit.toml").write_text(of_stack)
        known = {"attached": (), "samples_asked": None, "has_samples": False, **running}
        now = stack.Running(file=tmp_path / "obskit.toml" if of_stack else None, **known)

        def change(_home, make_project, _report):
            asked.append(make_project(now))
            return stack.Changes((), (), ())

        monkeypatch.setattr(stack, "change_services", change)
        _own_services.change(stack.Home.at(tmp_path / "home"), None, attach, option)
        (project,) = asked
        return project

    return wanted


FAR = stack.attached("far=http://localhost:9")


@pytest.mark.parametrize(
    ("given", "services", "has_samples"),
    [
        ({"of_stack": SHOP}, ["shop"], False),
        ({"of_stack": SHOP, "attached": (FAR,)}, ["shop", "far"], False),
        ({"of_stack": SHOP, "samples_asked": True, "has_samples": True}, ["shop"], True),
        ({"of_stack": SHOP, "samples_asked": True, "has_samples": True, "option": False}, ["shop"], False),
        ({"file": "samples = false\n" + SHOP, "samples_asked": True, "has_samples": True}, ["shop"], False),
        ({"file": SHOP, "has_samples": True}, ["shop"], False),
        ({"has_samples": True, "attached": (FAR,)}, ["far"], True),
        ({"file": SHOP, "attach": ["far=http://localhost:9"]}, ["shop", "far"], False),
    ],
)
def test_a_second_up_ends_nothing_that_nobody_took_out(second_up, given, services, has_samples):
    project = second_up(**given)

    assert [one.name for one in project.services] == services
    assert project.has_samples is has_samples
    assert project.samples_asked is given.get(
        "option", None if "file" in given else given.get("samples_asked")
    )


@pytest.fixture
def type_up(tmp_path, monkeypatch):
    """Types up beside a stack that runs 30 times faster, with a Loki elsewhere; returns what is asked for."""
    asked = []
    me = stack.ProcessRecord(name="keeper", state="ready", process=stack.Identity(1, "boot/1"))
    ports = {port.name: port.default for port in stack.PORTS}
    addresses = {
        "loki": "http://logs:3100",
        "tempo": "http://127.0.0.1:3200",
        "otlp": "http://127.0.0.1:4318",
    }
    running = stack.StackStatus(home=stack.Home.at(tmp_path), processes=(me,), ports=ports, time_scale=30)
    monkeypatch.setattr(stack, "status", lambda _home: running)
    monkeypatch.setattr(stack, "current_address", lambda _home, name: addresses[name])
    for name in ("attach", "change"):
        monkeypatch.setattr(
            _own_services, name, lambda *given, name=name: asked.append((name, *given[1:])) or []
        )

    def type_(*arguments, **env):
        result = CliRunner().invoke(build("up"), ["up", *arguments], env=env)
        if result.exception:
            raise result.exception
        return asked.pop()

    return type_


@pytest.mark.parametrize(
    "option",
    [
        ("--time-scale", "1"),
        ("--keep-days", "3"),
        ("--keep-mb", "5"),
        ("--otlp", "http://other:4318"),
        ("--loki", "embedded"),
        ("--tempo", "http://other:3200"),
        ("--port", "nats=4333"),
        ("--foreground",),
    ],
)
def test_an_option_for_the_start_is_refused_while_it_runs(type_up, option):
    with pytest.raises(StackError, match=f"{option[0]} is for its start") as caught:
        type_up(*option)
    assert "obskit down before" in caught.value.fix


def test_what_the_stack_was_started_with_may_be_said_again(type_up):
    same = ("--time-scale", "30", "--loki", "http://logs:3100/", "--tempo", "embedded", "--port", "nats=4222")

    assert type_up(*same, OBSKIT_KEEP_DAYS="3") == ("change", None, [], None)


def test_attach_takes_its_neighbours_along(type_up, tmp_path):
    far = "far=http://localhost:9"

    assert type_up("--attach", far) == ("attach", [far])
    assert type_up("--attach", far, "--no-samples") == ("change", None, [far], False)
    file = tmp_path / "obskit.toml"
    assert type_up("--attach", far, "--project", str(file)) == ("change", file, [far], None)

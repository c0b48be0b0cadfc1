import json


def test_a_running_stack_takes_a_service_in_without_a_restart(shell):
    shell.run_standins("up")
    before = json.loads(shell.run("status", "--json").out)["processes"]

    result = shell.run_standins("up", "--attach", f"far=http://localhost:{shell.ports['orders']}")

    assert result.code == 0, result.err
    assert "Attached far; nothing was restarted." in result.out
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

import os
import socket
import stat

import pytest

from obskit.stack._holders import explain


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Puts a systemctl on PATH that says that every unit has this main pid."""

    def install(pid: int) -> None:
        script = tmp_path / "systemctl"
        script.write_text(f"#!/bin/sh\necho {pid}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return install


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_names_the_server_that_debian_starts_at_install(systemctl, taken):
    systemctl(os.getpid())

    sentence, fix = explain("prometheus", taken, "OBSKIT_PORT_PROMETHEUS")

    assert "held by the system's own prometheus server" in sentence
    assert "its package starts one at install" in sentence
    assert fix.startswith("sudo systemctl disable --now prometheus prometheus-alertmanager")
    assert "--port prometheus=N" in fix


def test_alertmanager_has_another_unit_name(systemctl, taken):
    systemctl(os.getpid())

    sentence, _ = explain("alertmanager", taken, "OBSKIT_PORT_ALERTMANAGER")

    assert "the system's own prometheus-alertmanager server" in sentence


def test_other_holder_is_not_blamed_on_the_system(systemctl, taken):
    systemctl(1)

    sentence, fix = explain("prometheus", taken, "OBSKIT_PORT_PROMETHEUS")

    assert f"(pid {os.getpid()})" in sentence
    assert "systemctl" not in fix


def test_unit_that_does_not_run_is_not_blamed(systemctl, taken):
    systemctl(0)

    assert "system" not in explain("prometheus", taken, "OBSKIT_PORT_PROMETHEUS")[0]


def test_ports_of_services_have_no_unit(systemctl, taken):
    systemctl(os.getpid())

    assert "system" not in explain("orders", taken, "OBSKIT_PORT_ORDERS")[0]


def test_holder_that_cannot_be_seen_is_said_so(free_port):
    sentence, fix = explain("orders", free_port(), "OBSKIT_PORT_ORDERS")

    assert sentence.endswith("is taken by a process that cannot be seen.")
    assert "OBSKIT_PORT_ORDERS" in fix

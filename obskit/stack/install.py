"""Installs Prometheus and Alertmanager where they are missing: ``python -m obskit.stack.install``.

``make setup`` runs it. It asks nothing and needs no terminal. Debian's packages start a
server each at install and at every boot, on the ports that obskit uses; here they are
installed without that.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from obskit.errors import StackError
from obskit.stack._binaries import PROGRAMS, Program, find, install_command

__all__ = ["main"]

POLICY = Path("/usr/sbin/policy-rc.d")
"""The program that Debian's packages ask whether they may start a service; it need not exist."""

_POLICY_TEXT = (
    "#!/bin/sh\n# Made by obskit.stack.install while it runs; remove it if it is still here.\nexit 101\n"
)
_NONINTERACTIVE = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")


def main(programs: Sequence[Program] = PROGRAMS) -> int:
    """Install what is missing; returns 1, with the command to type, where that takes more rights."""
    try:
        _install([program for program in programs if find(program) is None])
    except StackError as error:
        sys.stderr.write(f"Error: {error}\nFix:   {error.fix}\n")
        return 1
    _say(*(f"{program.name}: {find(program)}" for program in programs))
    return 0


def _install(missing: Sequence[Program]) -> None:
    system = [program for program in missing if program.apt]
    if system and platform.system() == "Darwin":
        _install_with_brew(system)
    elif system:
        _install_with_apt(system)
    remaining = [program for program in missing if find(program) is None]
    if remaining:
        raise _missing(remaining)


def _missing(programs: Sequence[Program]) -> StackError:
    names = " and ".join(program.name for program in programs)
    msg = f"{names} cannot be installed from here."
    return StackError(msg, fix=f"{install_command(programs)}, or put the program on PATH")


def _install_with_brew(programs: Sequence[Program]) -> None:
    brew = shutil.which("brew")
    if brew is None:
        raise _missing(programs)
    for program in programs:
        _run((brew, "install", program.brew), programs)


def _install_with_apt(programs: Sequence[Program]) -> None:
    prefix = _root_prefix()
    if shutil.which("apt-get") is None or prefix is None:
        raise _missing(programs)
    packages = [program.apt for program in programs]
    _say(f"Installing {', '.join(packages)} with apt-get.")
    with _no_service_starts(prefix):
        # Lists of a fresh machine are empty or old; one broken source need not matter.
        subprocess.run([*prefix, *_NONINTERACTIVE, "update"], stdin=subprocess.DEVNULL, check=False)  # noqa: S603
        install = (*_NONINTERACTIVE, "install", "--yes", "--no-install-recommends", *packages)
        _run((*prefix, *install), programs)
    if shutil.which("systemctl") is not None:
        # Named like the packages, and enabled by them for the next boot.
        units = [f"{package}.service" for package in packages]
        _run((*prefix, "systemctl", "--quiet", "disable", "--now", *units), programs, is_needed=False)


def _root_prefix() -> tuple[str, ...] | None:
    """Return what makes a command run as root without asking, or None where that cannot be."""
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    asked = subprocess.run([sudo, "-n", "true"], capture_output=True, check=False)  # noqa: S603
    return (sudo, "-n") if asked.returncode == 0 else None


@contextmanager
def _no_service_starts(prefix: tuple[str, ...]) -> Iterator[None]:
    """Keep packages from starting services during the block; a policy that is there already is left alone."""
    if POLICY.exists() and POLICY.read_text(errors="replace") != _POLICY_TEXT:
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".policy") as file:
        file.write(_POLICY_TEXT)
        file.flush()
        subprocess.run([*prefix, "install", "-m", "755", file.name, str(POLICY)], check=True)  # noqa: S603
    try:
        yield
    finally:
        subprocess.run([*prefix, "rm", "-f", str(POLICY)], check=True)  # noqa: S603


def _run(command: Sequence[str], programs: Sequence[Program], *, is_needed: bool = True) -> None:
    result = subprocess.run(  # noqa: S603 - commands of this file
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        sys.stderr.write(result.stdout)
        if is_needed:
            raise _missing(programs)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

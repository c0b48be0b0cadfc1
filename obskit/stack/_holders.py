"""Finds out who holds a port, and what to do about it."""

import shutil
import subprocess

import psutil

from obskit.stack._identity import marked_home

__all__ = ["explain"]

# Debian's packages start these servers at install, on the ports that obskit uses.
_UNITS = {"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}


def explain(name: str, number: int, variable: str, address: str = "127.0.0.1") -> tuple[str, str]:
    """Return one sentence on who holds port *number* of *address*, meant for *name*, and the fix."""
    holder = _holder(number, address)
    other = f"--port {name}=N, or set {variable}"
    unit = _UNITS.get(name)
    if unit and _is_system_unit(unit, holder):
        sentence = f"Port {number} ({name}) is held by the system's own {unit} server"
        reason = "its package starts one at install, and obskit runs its own"
        fix = f"sudo systemctl disable --now prometheus prometheus-alertmanager (or obskit up {other})"
        return f"{sentence}: {reason}.", fix
    if holder is None:
        return f"Port {number} ({name}) is taken by a process that cannot be seen.", f"obskit up {other}"
    home = marked_home(holder.pid)
    if home is not None:
        return (
            f"Port {number} ({name}) is held by the obskit stack in {home}.",
            f"obskit down --home {home} (or obskit up {other})",
        )
    return f"Port {number} ({name}) is taken by {_describe(holder)}.", f"end it, or obskit up {other}"


def _holder(number: int, address: str) -> psutil.Process | None:
    try:
        found = [
            (connection.laddr.ip != address, connection.pid)
            for connection in psutil.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == number
            and connection.pid
        ]
        # Others may listen on the same port of other addresses; one that listens on all has no such neighbour.
        return psutil.Process(min(found)[1]) if found else None
    except psutil.Error:  # macOS shows other processes' sockets to root only
        return None


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.name()} (pid {process.pid})"
    except psutil.Error:
        return f"pid {process.pid}"


def _is_system_unit(unit: str, holder: psutil.Process | None) -> bool:
    """Tell whether systemd runs *unit* and nothing contradicts that it is the holder."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return False
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            [systemctl, "show", "--property=MainPID", "--value", f"{unit}.service"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    pid = answer.stdout.strip()
    if answer.returncode != 0 or pid in {"", "0"}:
        return False
    return holder is None or str(holder.pid) == pid

"""The stack in containers, as ``up`` and ``down`` show it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import typer
from rich.console import Console

from obskit import stack
from obskit.cli._output import print_json, print_lines, progress_console, table
from obskit.errors import StackError

__all__ = ["down", "status", "up"]

_PAGES = (
    (
        "grafana",
        "http://127.0.0.1:3000",
        "user admin; its password is in {home}/compose/secrets/grafana_admin_password",
    ),
    ("console", "http://127.0.0.1:8600", ""),
    ("pager", "http://127.0.0.1:8601/incidents", ""),
    ("prometheus", "http://127.0.0.1:9090", ""),
    ("traefik", "https://127.0.0.1:8443/api/products", ""),
)


def up(home: stack.Home, given: Sequence[str], time_scale: float, as_json: bool) -> None:
    """Start the containers, wait until they are healthy, and print where their pages are.

    Raises:
        StackError: Docker is missing or something is not healthy.
        BadParameter: *given* names options that only the native backend has.
    """
    if given:
        msg = f"--backend compose does not take {', '.join(given)}; see compose/README.md for what it takes."
        raise typer.BadParameter(msg)
    boards = stack.find_project(Path.cwd()).boards
    containers = stack.compose_up(home, _reported(progress_console()), boards=boards, time_scale=time_scale)
    if as_json:
        print_json({"containers": _as_json(containers)})
        return
    names = {one.service for one in containers}
    lines = [
        f"{name:<14}{url}  {note.format(home=home.root)}".rstrip()
        for name, url, note in _PAGES
        if name in names
    ]
    print_lines(
        "", *lines, "", f"{len(containers)} containers are ready.", "End: obskit down --backend compose"
    )


def down(home: stack.Home, *, wipe: bool) -> None:
    """End the containers, and with *wipe* their data.

    Raises:
        StackError: Docker is missing or refuses.
    """
    was_running = stack.compose_down(home, wipe=wipe)
    print_lines("Nothing is left running." if was_running else "No containers of obskit were running.")
    if wipe:
        print_lines("Removed the data and the secrets of the containers.")


def status(home: stack.Home, *, as_json: bool) -> bool:
    """Show the containers; gives whether there are any and all are ready.

    Raises:
        StackError: Docker is missing or refuses, or, without *as_json*, no container is there.
    """
    containers = stack.compose_status(home)
    is_ready = bool(containers) and all(one.is_ready for one in containers)
    if as_json:
        print_json({"ready": is_ready, "containers": _as_json(containers)})
    elif not containers:
        msg = "No containers of obskit are running."
        raise StackError(msg, fix="obskit up --backend compose")
    else:
        table(
            ["name", "state", "health"], [[one.service, one.state, one.health or "-"] for one in containers]
        )
    return is_ready


def _as_json(containers: Sequence[stack.Container]) -> list[dict[str, str | None]]:
    return [{"name": one.service, "state": one.state, "health": one.health or None} for one in containers]


def _reported(console: Console) -> Callable[[Sequence[stack.Container]], None]:
    """Return what prints a line whenever the state of a container has changed."""
    seen: dict[str, str] = {}

    def report(containers: Sequence[stack.Container]) -> None:
        for one in containers:
            state = one.health or one.state
            if seen.get(one.service) != state:
                seen[one.service] = state
                console.print(f"{one.service:<14}{state}")

    return report

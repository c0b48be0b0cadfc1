"""Somebody's own services, as ``obskit up`` finds, attaches and shows them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import httpx

from obskit import stack
from obskit.cli._output import progress_console
from obskit.cli._progress import shown
from obskit.errors import ConfigError, StackError

__all__ = ["attach", "change", "detach", "hints", "project_of"]

_TIMEOUT_S = 2.0
_OK = 200


def project_of(chosen: Path | None, attach: Sequence[str], samples: bool | None) -> stack.Project:
    """Return what the options and the files of the working directory ask for.

    Raises:
        ConfigError: the file or an option cannot be used.
    """
    found = stack.find_project(Path.cwd(), chosen)
    if chosen is not None and not found.services:
        msg = f"{chosen} names no service; add one, such as [services.shop] with a command or a url."
        raise ConfigError(msg)
    return found.joined(map(stack.attached, attach), samples)


def attach(home: stack.Home, given: Sequence[str]) -> list[str]:
    """Have the running stack watch the services of *given* too, and change nothing else; return what to say."""
    services = {one.name: one for one in map(stack.attached, given)}
    with _reported() as report:
        changes = stack.exchange_services(home, added=tuple(services.values()), report=report)
    return [*_told(changes), *hints(home)]


def change(home: stack.Home, chosen: Path | None, attach: Sequence[str], samples: bool | None) -> list[str]:
    """Have the running stack go over to what its file says now; return what to say.

    That is *chosen*, else the file of the working directory, else the one that the stack runs by. What
    ``--attach`` has added stays, and so do the samples, or their absence, unless something is said of them.
    """
    here = project_of(chosen, (), None)

    def wanted(running: stack.Running) -> stack.Project:
        by_file = running.file if here.path is None else None
        found = stack.load_project(by_file) if by_file is not None else here
        names = {one.name for one in found.services}
        kept = [one for one in running.attached if one.name not in names]
        asked = samples
        if found.samples is None:
            asked = running.samples_asked if samples is None else samples
            found = replace(found, samples=running.has_samples and not found.services)
        return found.joined([*kept, *map(stack.attached, attach)], asked)

    with _reported() as report:
        changes = stack.change_services(home, wanted, report)
    return [*_told(changes), *hints(home)]


def detach(home: stack.Home, names: Sequence[str]) -> list[str]:
    """Have the running stack end and forget the services *names*, and change nothing else; return what to say.

    Raises:
        StackError: none of its services of yours has such a name.
    """
    known = [one.name for one in stack.known_services(home)]
    for name in names:
        if name not in known:
            msg = f"{name} is no service of yours in the stack of {home.root}; there are: {', '.join(known) or 'none'}."
            raise StackError(msg, fix="obskit status; obskit down without a name ends everything")
    with _reported() as report:
        return _told(stack.exchange_services(home, without=names, report=report))


def _reported() -> AbstractContextManager[stack.Report]:
    return shown(progress_console(), assumed="ready")


def _told(changes: stack.Changes) -> list[str]:
    said = [
        f"{what} {', '.join(names)}."
        for what, names in (
            ("Added", changes.added),
            ("Removed", changes.removed),
            ("Changed", changes.changed),
        )
        if names
    ]
    return [*said, "All else ran on."] if said else ["Nothing has changed; the stack runs on."]


def hints(home: stack.Home) -> Iterator[str]:
    """Say of each own service where its metrics are, and to attached ones where to send the rest."""
    known = stack.known_services(home)
    if not known:
        return
    width = max(len(one.name) for one in known)
    for one in known:
        promises = f"  promises {', '.join(one.objectives)}" if one.objectives else ""
        yield f"{one.name:<{width}}  {_seen(one)}{promises}"
    if not all(one.is_started for one in known):
        yield "A service that obskit did not start sends traces and logs here when it is started with"
        yield f"  OTEL_EXPORTER_OTLP_ENDPOINT={stack.current_address(home, 'otlp')} OBSKIT_LOG_DIR={home.service_logs}"


def _seen(service: stack.KnownService) -> str:
    if not service.addresses:
        return "is not scraped: it has no page of metrics"
    return "; ".join(_page(f"{address}{service.metrics}") for address in service.addresses)


def _page(url: str) -> str:
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        return f"{url} does not answer yet ({type(error).__name__})"
    return url if answer.status_code == _OK else f"{url} answers {answer.status_code}"

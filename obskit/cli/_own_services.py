"""Somebody's own services, as ``obskit up`` finds, attaches and shows them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from obskit import stack
from obskit.errors import ConfigError

__all__ = ["attach", "hints", "project_of"]

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
    """Have the running stack watch the services of *given* too; return what to say about it."""
    services = [stack.attached(each) for each in given]
    stack.attach_services(home, services)
    return [f"Attached {', '.join(one.name for one in services)}; nothing was restarted.", *hints(home)]


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
        return "is not scraped: it has no port"
    return "; ".join(_page(f"{address}{service.metrics}") for address in service.addresses)


def _page(url: str) -> str:
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        return f"{url} does not answer yet ({type(error).__name__})"
    return url if answer.status_code == _OK else f"{url} answers {answer.status_code}"

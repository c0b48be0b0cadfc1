"""Puts services into the stack: their rules, scrape targets and log files."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from obskit.errors import ConfigError
from obskit.rules import RuleFile, burn_rules, load_rules
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._project import STDOUT, OwnService, Project
from obskit.stack._prometheus import remove_target, watched, write_own_target

__all__ = ["KnownService", "forget", "known_services", "own_rules", "rules_of", "take_in", "watch_too"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownService:
    """What the stack keeps of a service: its *name*, where it answers, and what is promised."""

    name: str
    owner: str
    addresses: tuple[str, ...]
    metrics: str
    is_started: bool
    objectives: tuple[str, ...] = ()
    """The names of its objectives."""
    is_by_option: bool = False
    """Named by ``--attach``, and by no file."""


def own_rules(project: Project) -> dict[str, RuleFile]:
    """Return the rules of the project's objectives, and those of its files, by the name of the file to write.

    Raises:
        ConfigError: Prometheus would refuse a file, or two of them have the same name.
    """
    found: dict[str, RuleFile] = {}
    for path in project.rules:
        if f"own-{path.name}" in found:
            msg = f"Two of the rule files are called {path.name}; give one of them another name."
            raise ConfigError(msg)
        found[f"own-{path.name}"] = load_rules(path)
    promises = {rules_of(one.name): one.objectives for one in project.services if one.objectives}
    return {**{name: burn_rules(objectives) for name, objectives in promises.items()}, **found}


def rules_of(name: str) -> str:
    """Return the name of the file with the rules of the objectives of the service *name*."""
    return f"objectives-own-{name}.yaml"


def take_in(home: Home, project: Project, services: Sequence[OwnService], others: Collection[str]) -> None:
    """Have *services* scraped and their log files followed, and of those before only what *others* names.

    Those of *project* are the known ones; the rest are the samples.
    """
    staying = {*others, *(service.name for service in services if service.is_scraped)}
    for name in watched(home) - staying:
        remove_target(home, name)
    _follow(home, dict(link for service in services for link in _links(home, service)))
    for service in services:
        _scrape(home, service)
    _keep(home, [_known(service) for service in project.services])


def forget(home: Home, names: Collection[str]) -> None:
    """Have the services *names* scraped and followed no longer."""
    for name in names:
        remove_target(home, name)
    links = {link: link.readlink() for link in _links_in(home)}
    folders = {link: link.relative_to(home.service_logs).parts[0].split(".")[0] for link in links}
    _follow(home, {link: source for link, source in links.items() if folders[link] not in names})
    _keep(home, [one for one in known_services(home) if one.name not in names])


def watch_too(home: Home, services: Sequence[OwnService]) -> None:
    """Have *services* scraped too, beside those that are known."""
    for service in services:
        _scrape(home, service)
    _keep(home, [*known_services(home), *map(_known, services)])


def _scrape(home: Home, service: OwnService) -> None:
    if service.is_scraped:
        write_own_target(home, service.name, service.addresses, service.metrics)


def _keep(home: Home, known: Iterable[KnownService]) -> None:
    write_atomic(home.services, orjson.dumps([asdict(one) for one in known]))


def _known(service: OwnService) -> KnownService:
    return KnownService(
        name=service.name,
        owner=service.owner,
        addresses=service.addresses if service.is_scraped else (),
        metrics=service.metrics,
        is_started=bool(service.command),
        is_by_option=service.is_by_option,
        objectives=tuple(one.name for one in service.objectives),
    )


def known_services(home: Home) -> tuple[KnownService, ...]:
    """Return somebody's own services in the stack of *home*; none where there is no stack."""
    try:
        rows = json.loads(home.services.read_bytes())
        return tuple(
            KnownService(
                **{**row, "addresses": tuple(row["addresses"]), "objectives": tuple(row["objectives"])}
            )
            for row in rows
        )
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _links(home: Home, service: OwnService) -> Iterator[tuple[Path, Path]]:
    """Return what to link where the tailer looks; a folder named after the service says whose files they are."""
    printed = [home.log_of(name) for name in service.processes]
    sources = [path for each in service.logs for path in (printed if each == STDOUT else [Path(each)])]
    for number, source in enumerate(sources):
        if source.is_dir():
            yield home.service_logs / f"{service.name}.{number}", source
        else:
            yield home.service_logs / service.name / f"{number}.{source.stem}.log", source


def _links_in(home: Home) -> list[Path]:
    found = (*home.service_logs.glob("*"), *home.service_logs.glob("*/*"))
    return [path for path in found if path.is_symlink()]


def _follow(home: Home, wanted: Mapping[Path, Path]) -> None:
    """Put the links of *wanted*, and no others; one that is right stays, and so does what any leads to."""
    for link in _links_in(home):
        if wanted.get(link) != link.readlink():
            link.unlink()
    for folder in home.service_logs.iterdir():
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    for link, source in wanted.items():
        if not link.is_symlink():
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(source)

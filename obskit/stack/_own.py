"""Puts somebody's own services into the stack: their processes, scrape targets and log files."""

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from obskit.errors import ConfigError, StackError
from obskit.rules import RuleFile, burn_rules, load_rules
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK, is_free
from obskit.stack._project import STDOUT, OwnService, Project
from obskit.stack._prometheus import write_own_target
from obskit.stack._specs import KEEPER, SUPERVISOR, Probe, ProcessSpec
from obskit.stack._stores import Stores

__all__ = ["KnownService", "attach_services", "known_services", "own_rules", "own_specs", "take_in"]

_OBJECTIVES = "objectives-own.yaml"
_TRACES = {"OTEL_TRACES_EXPORTER": "otlp"}


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
    objectives = [one for service in project.services for one in service.objectives]
    return {_OBJECTIVES: burn_rules(objectives), **found} if objectives else found


def own_specs(
    home: Home, project: Project, ports: Mapping[str, int], stores: Stores, taken: Collection[str]
) -> tuple[ProcessSpec, ...]:
    """Return the processes of the services that have a command.

    Raises:
        ConfigError: a service has the name of a process in *taken*.
        StackError: its program is not there, or its port is taken.
    """
    for service in project.services:
        if service.name in {*taken, KEEPER, SUPERVISOR}:
            msg = f"The service {service.name!r} has the name of a process of the stack; give it another."
            raise ConfigError(msg)
    return tuple(_spec(home, one, ports, stores) for one in project.services if one.command)


def _spec(home: Home, service: OwnService, ports: Mapping[str, int], stores: Stores) -> ProcessSpec:
    program, path = _program(service)
    number = service.port
    if number is not None and not is_free(number):
        msg = f"Port {number} of the service {service.name} is taken by another process."
        fix = f"end that process; or give {service.name} another port; or, if it is the service, url = in the place of command"
        raise StackError(msg, fix=fix)
    return ProcessSpec(
        name=service.name,
        argv=(program, *service.command[1:]),
        env={
            "OTEL_SERVICE_NAME": service.name,
            "OBSKIT_LOG_DIR": str(home.service_logs),
            **_TRACES,
            "OTEL_EXPORTER_OTLP_ENDPOINT": stores.otlp,
            "NATS_URL": f"nats://{LOOPBACK}:{ports['nats']}",
            **({"PORT": str(number)} if number is not None else {}),
            "PATH": path,
            **service.env,
        },
        ports={service.name: number} if number is not None else {},
        ready=Probe(number, service.ready) if number is not None else None,
        after=("nats",),
        url=f"http://{LOOPBACK}:{number}" if number is not None else "",
        directory=str(service.directory),
    )


def _program(service: OwnService) -> tuple[str, str]:
    """Return the program of the command, and the PATH on which its kin are found first."""
    word = service.command[0]
    beside = [service.directory / ".venv" / "bin", Path(sys.executable).parent]
    path = os.pathsep.join([*(str(each) for each in beside if each.is_dir()), os.environ.get("PATH", "")])
    if os.sep in word:
        found = str(service.directory / word) if os.access(service.directory / word, os.X_OK) else None
    else:
        found = shutil.which(word, path=path)
    if found is None:
        msg = f"The program {word!r} of the service {service.name} is not there, or not on PATH."
        fix = "install it into .venv beside obskit.toml, or write its whole path into command"
        raise StackError(msg, fix=fix)
    return found, path


def take_in(home: Home, services: Sequence[OwnService]) -> None:
    """Have *services*, and no others, scraped and their log files followed, from the next start on."""
    for folder in home.service_logs.iterdir():
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)  # of links: what they lead to stays
    _note(home, services, ())


def attach_services(home: Home, services: Sequence[OwnService]) -> None:
    """Have *services* scraped by the running stack too, beside those that it knows."""
    _note(home, services, known_services(home))


def _note(home: Home, services: Sequence[OwnService], before: Iterable[KnownService]) -> None:
    known = {one.name: one for one in before}
    for service in services:
        if service.addresses:
            write_own_target(home, service.name, service.addresses, service.metrics)
        _follow(home, service)
        known[service.name] = _known(service)
    write_atomic(home.services, orjson.dumps([asdict(one) for one in known.values()]))


def _known(service: OwnService) -> KnownService:
    return KnownService(
        name=service.name,
        owner=service.owner,
        addresses=service.addresses,
        metrics=service.metrics,
        is_started=bool(service.command),
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


def _follow(home: Home, service: OwnService) -> None:
    """Put links to the log files where the tailer looks; a folder named after the service says whose they are."""
    folder = home.service_logs / service.name
    for number, each in enumerate(service.logs):
        source = home.log_of(service.name) if each == STDOUT else Path(each)
        if source.is_dir():
            link = home.service_logs / f"{service.name}.{number}"
        else:
            folder.mkdir(exist_ok=True)
            link = folder / f"{number}.{source.stem}.log"
        link.unlink(missing_ok=True)
        link.symlink_to(source)

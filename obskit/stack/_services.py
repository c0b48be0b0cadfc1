"""Makes processes of services: the sample services and somebody's own, by the same description."""

import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from obskit._assets import asset
from obskit.errors import ConfigError, StackError
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK, is_free
from obskit.stack._project import PORT_OF, OwnService, Project, load_project
from obskit.stack._specs import SUPERVISOR, Probe, ProcessSpec

__all__ = ["refuse_taken_names", "refuse_taken_ports", "sample_services", "service_specs", "services_of"]


def sample_services(ports: Mapping[str, int]) -> tuple[OwnService, ...]:
    """Return the sample services, as their ``obskit.toml`` says, each on its port of *ports*.

    Raises:
        StackError: this installation of obskit is incomplete.
    """
    services = load_project(asset("sample_services", "obskit.toml")).services
    return tuple(service.moved(ports) for service in services)


def services_of(project: Project, ports: Mapping[str, int]) -> tuple[OwnService, ...]:
    """Return what *project* has watched: its services, and the samples where it has them."""
    return (*project.services, *(sample_services(ports) if project.has_samples else ()))


def refuse_taken_names(services: Iterable[OwnService], taken: Collection[str]) -> None:
    """Pass when no service, and no replica of one, has the name of a process in *taken*.

    Raises:
        ConfigError: one has.
    """
    for service in services:
        for name in {service.name, *service.processes}:
            if name in {*taken, SUPERVISOR}:
                msg = f"The service {name!r} has the name of a process of the stack; give it another."
                raise ConfigError(msg)


def refuse_taken_ports(services: Iterable[OwnService], held: Collection[int] = ()) -> None:
    """Pass when nothing listens where *services* will; *held* are ports that they have already.

    Raises:
        StackError: a port is taken.
    """
    for service in services:
        for number in service.ports:
            if number not in held and not is_free(number):
                msg = f"Port {number} of the service {service.name} is taken by another process."
                fix = f"end that process; or give {service.name} another port; or, if it is the service, url = in the place of command"
                raise StackError(msg, fix=fix)


def service_specs(
    home: Home, services: Sequence[OwnService], ports: Mapping[str, int], otlp: str
) -> tuple[ProcessSpec, ...]:
    """Return the processes of the services that have a command; they send their spans to *otlp*.

    Raises:
        StackError: a program is not there.
    """
    given = {
        "OBSKIT_LOG_DIR": str(home.service_logs),
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "NATS_URL": f"nats://{LOOPBACK}:{ports['nats']}",
    }
    values = {service.name: service.ports[0] for service in services if service.ports}
    return tuple(spec for service in services for spec in _specs(home, service, given, values))


def _specs(
    home: Home, service: OwnService, given: Mapping[str, str], ports: Mapping[str, int]
) -> Iterator[ProcessSpec]:
    if not service.command:
        return
    program, path = _program(service)
    for name, number in service.processes.items():
        own = {} if number is None else {"PORT": str(number)}
        env = {**given, "OTEL_SERVICE_NAME": service.name, "PATH": path, **own, **service.env}
        yield ProcessSpec(
            name=name,
            argv=(program, *(_filled(word, home, number, ports) for word in service.command[1:])),
            env={key: _filled(value, home, number, ports) for key, value in env.items()},
            ports={} if number is None else {name: number},
            ready=None if number is None else Probe(number, service.ready),
            after=("nats",),
            url=f"http://{LOOPBACK}:{number}" if service.is_http else "",
            directory=str(service.directory),
            service=service.name,
        )


def _filled(text: str, home: Home, number: int | None, ports: Mapping[str, int]) -> str:
    own = text if number is None else text.replace("{port}", str(number))
    return PORT_OF.sub(lambda found: str(ports[found[1]]), own.replace("{home}", str(home.root)))


def _program(service: OwnService) -> tuple[str, str]:
    """Return the program of the command, and the PATH on which its kin are found first."""
    word = service.command[0]
    beside = [service.directory / ".venv" / "bin", Path(sys.executable).parent]
    path = os.pathsep.join([*(str(each) for each in beside if each.is_dir()), os.environ.get("PATH", "")])
    if os.sep in word:
        found = str(service.directory / word) if os.access(service.directory / word, os.X_OK) else None
    else:
        found = shutil.which(word, path=path) or (sys.executable if word == "python" else None)
    if found is None:
        msg = f"The program {word!r} of the service {service.name} is not there, or not on PATH."
        fix = "install it into .venv beside obskit.toml, or write its whole path into command"
        raise StackError(msg, fix=fix)
    return found, path

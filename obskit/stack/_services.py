"""Makes processes of services: the sample services and somebody's own, by the same description."""

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from obskit._assets import asset
from obskit.errors import ConfigError, StackError
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK, is_free
from obskit.stack._project import PORT_OF, OwnService, Project, load_project
from obskit.stack._specs import SUPERVISOR, Plan, Probe, ProcessSpec

__all__ = [
    "refuse_ports_of",
    "refuse_taken_names",
    "refuse_taken_ports",
    "sample_services",
    "service_specs",
    "services_of",
]


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


def refuse_ports_of(plan: Plan, services: Sequence[OwnService]) -> None:
    """Pass when none of *services*, which run by *plan*, has a port that the rest of it listens on.

    Raises:
        ConfigError: one has.
    """
    names = {service.name for service in services}
    others = [spec for spec in plan.processes if spec.service not in names]
    owners = {number: name for spec in others for name, number in spec.ports.items()}
    if plan.control_port is not None:
        owners[plan.control_port] = SUPERVISOR
    for service in services:
        for number in filter(owners.__contains__, service.ports):
            owner = owners[number]
            msg = (
                f"services.{service.name}.port has {number}, which is that of {owner} in the stack; "
                f"give it another, or start the stack with --port {owner}=N."
            )
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
    home: Home,
    services: Sequence[OwnService],
    ports: Mapping[str, int],
    otlp: str,
    running: Sequence[ProcessSpec] = (),
) -> tuple[ProcessSpec, ...]:
    """Return the processes of the services that have a command; they send their spans to *otlp*.

    One of *running* stays as it is, with the ``PATH`` of the shell that it was started from, when
    nothing else is different.

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
    found: list[ProcessSpec] = []
    for service in (one for one in services if one.command):
        make = partial(_specs, home, service, given, values)
        found += _unchanged(make, service, running) or make(_path(service, os.environ.get("PATH", "")))
    return tuple(found)


def _unchanged(
    make: Callable[[str], Iterable[ProcessSpec]], service: OwnService, running: Sequence[ProcessSpec]
) -> Sequence[ProcessSpec]:
    """Return the processes of *service* that run, if it makes the same with their ``PATH``; else none."""
    known = [spec for spec in running if spec.service == service.name]
    if not known:
        return ()
    rest = known[0].env["PATH"].removeprefix(_path(service, ""))
    try:
        return known if list(make(_path(service, rest))) == known else ()
    except StackError:  # the program is no longer there
        return ()


def _specs(
    home: Home, service: OwnService, given: Mapping[str, str], ports: Mapping[str, int], path: str
) -> Iterator[ProcessSpec]:
    program = _program(service, path)
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


def _path(service: OwnService, rest: str) -> str:
    """Return the PATH on which the kin of its program are found first, and then what is on *rest*."""
    beside = [service.directory / ".venv" / "bin", Path(sys.executable).parent]
    return os.pathsep.join([*(str(each) for each in beside if each.is_dir()), rest])


def _program(service: OwnService, path: str) -> str:
    word = service.command[0]
    if os.sep in word:
        found = str(service.directory / word) if os.access(service.directory / word, os.X_OK) else None
    else:
        found = shutil.which(word, path=path) or (sys.executable if word == "python" else None)
    if found is None:
        msg = f"The program {word!r} of the service {service.name} is not there, or not on PATH."
        fix = "install it into .venv beside obskit.toml, or write its whole path into command"
        raise StackError(msg, fix=fix)
    return found

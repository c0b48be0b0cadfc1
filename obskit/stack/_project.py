"""What somebody wants watched: the services of ``obskit.toml``, or of ``[tool.obskit]`` in ``pyproject.toml``."""

import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from obskit.errors import ConfigError
from obskit.rules import Objective
from obskit.stack._project_values import (
    address,
    command,
    environment,
    flag,
    name_of,
    objectives,
    path_part,
    ports,
    text,
    texts,
)

__all__ = ["FILES", "PORT_OF", "STDOUT", "OwnService", "Project", "attached", "find_project", "load_project"]

FILES = ("obskit.toml", "pyproject.toml")
"""Where services are looked for in the working directory; the first that has any counts."""

STDOUT = "stdout"
"""In the place of a log file: what the process prints."""

PORT_OF = re.compile(r"\{port:([a-z0-9_-]+)\}")
"""In a command or a variable: the port of another service of the file."""

_T = TypeVar("_T")
_NONE: tuple[str, ...] = ()
_NO_PORTS: tuple[int, ...] = ()
_NO_VARIABLES: Mapping[str, str] = {}
_TOP = ("services", "env", "samples", "rules", "boards", "mixin")
_KEYS = (
    "command",
    "url",
    "port",
    "directory",
    "env",
    "metrics",
    "ready",
    "logs",
    "owner",
    "slos",
)
_LISTED = {
    "rules": ("*.yaml", "rule files that are there, or a folder of them"),
    "boards": (
        "*.json",
        "JSON of boards that is there, as obskit dashboards build writes it, or a folder of it",
    ),
}
"""By key: what is taken of a folder, and what is accepted."""
_COMMAND_ONLY = ("port", "directory", "env", "ready")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnService:
    """One service of somebody: started by *command*, or attached to where it answers already."""

    name: str
    owner: str
    addresses: tuple[str, ...] = ()
    """Where it answers, one a replica; none for a process without a port."""
    command: tuple[str, ...] = ()
    """Empty: it is started by somebody else."""
    ports: tuple[int, ...] = ()
    """Where the command listens, one a replica."""
    directory: Path = Path()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a secret
    metrics: str = "/metrics"
    """Path of its page of metrics; empty: it has none, and is not scraped."""
    ready: str = "/readyz"
    """Path that answers 200 when it is ready; empty: an open port is enough."""
    logs: tuple[str, ...] = ()
    """Files and folders that are followed beside those that obskit writes; or ``stdout``."""
    objectives: tuple[Objective, ...] = ()
    is_by_option: bool = False
    """Named by ``--attach``, and by no file."""

    @property
    def processes(self) -> dict[str, int | None]:
        """The names of its processes and their ports: ``shop``, ``shop-2`` and so on; none where it is attached."""
        if not self.command:
            return {}
        numbers = self.ports or (None,)
        return {f"{self.name}-{i}" if i > 1 else self.name: port for i, port in enumerate(numbers, start=1)}

    @property
    def is_scraped(self) -> bool:
        """Whether Prometheus reads a page of it."""
        return bool(self.addresses and self.metrics)

    @property
    def is_http(self) -> bool:
        """Whether it answers HTTP, and not only on a port."""
        return bool(self.addresses and (self.metrics or self.ready))

    def moved(self, ports: Mapping[str, int]) -> "OwnService":
        """Return it with each of its processes on the port that *ports* has for it."""
        numbers = tuple(ports[name] for name in self.processes)
        return replace(self, ports=numbers, addresses=_local(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Services, rules and boards of somebody; *path* is the file that names them, where there is one."""

    path: Path | None = None
    services: tuple[OwnService, ...] = ()
    samples: bool | None = None
    """Whether the sample services run too; None: only where there are no services."""
    samples_asked: bool | None = None
    """What ``--samples`` and ``--no-samples`` say of it, which wins; None: nothing."""
    rules: tuple[Path, ...] = ()
    boards: tuple[Path, ...] = ()

    @property
    def has_samples(self) -> bool:
        """Whether the sample services run."""
        said = self.samples if self.samples_asked is None else self.samples_asked
        return not self.services if said is None else said

    def joined(self, others: Iterable[OwnService], samples: bool | None = None) -> "Project":  # noqa: FBT001 - three states
        """Return it with *others*, which replace those of the same name, and *samples* where that is asked for.

        Raises:
            ConfigError: a service has the name of a replica of another.
        """
        added = {one.name: one for one in (*self.services, *others)}
        _refuse_double_names("--attach", added.values())
        return replace(self, services=tuple(added.values()), samples_asked=samples)


def find_project(folder: Path, chosen: Path | None = None) -> Project:
    """Return the project of the file *chosen*, else of a file in *folder*; an empty one where there is none.

    Raises:
        ConfigError: the file cannot be used; names the key, what it has and what is accepted.
    """
    if chosen is not None:
        return load_project(chosen)
    for name in FILES:
        path = folder / name
        if path.is_file():
            found = load_project(path)
            if found.path is not None:
                return found
    return Project()


def load_project(path: Path) -> Project:
    """Read an ``obskit.toml``, or the table ``[tool.obskit]`` of another TOML file.

    Without that table the project is empty, and has no path.

    Raises:
        ConfigError: the file cannot be used; names the key, what it has and what is accepted.
    """
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"{path} cannot be read as TOML: {reason}."
        raise ConfigError(msg) from error
    where = path.name
    if path.name == "pyproject.toml":
        content, where = content.get("tool", {}).get("obskit"), f"{path.name}, [tool.obskit]"
        if content is None:
            return Project()
    _check_keys(where, content, _TOP)
    folder = path.absolute().parent
    table = content.get("services", {})
    if not isinstance(table, dict):
        raise _refused(where, "services", table, "one table a service, such as [services.shop]")
    shared = _taken(where, content, "env", environment, _NO_VARIABLES)
    services = tuple(
        _service(f"{where}: services.{name}", name, row, folder, shared) for name, row in table.items()
    )
    _check_references(where, services)
    return Project(
        path=path.absolute(),
        services=services,
        samples=_taken(where, content, "samples", flag, None),
        rules=_listed(where, content, "rules", folder),
        boards=_listed(where, content, "boards", folder),
    )


def attached(given: str) -> OwnService:
    """Return the service of ``NAME=URL``.

    Raises:
        ConfigError: it has another form.
    """
    name, equals, url = given.partition("=")
    try:
        if not equals:
            raise ValueError("NAME=URL, such as shop=http://localhost:8000")  # noqa: TRY301, EM101 - one message for all
        return OwnService(name=name_of(name), owner=name, addresses=address(url), is_by_option=True)
    except ValueError as error:
        msg = f"--attach {given!r} is not accepted; use {error}."
        raise ConfigError(msg) from error


def _service(where: str, name: str, row: object, folder: Path, shared: Mapping[str, str]) -> OwnService:
    if not isinstance(row, dict):
        msg = f"{where} is {row!r}; use a table with {', '.join(_KEYS)}."
        raise ConfigError(msg)
    _check_keys(where, row, _KEYS)
    _value(where, "the name", name, name_of)
    _check_kind(where, row)
    numbers = _taken(where, row, "port", ports, _NO_PORTS)
    owner = _taken(where, row, "owner", name_of, name)
    here = _folder(where, folder, row, "directory") or folder
    words = _taken(where, row, "command", command, _NONE)
    env = {**shared, **_taken(where, row, "env", environment, _NO_VARIABLES)}
    for key, texts_ in (("command", words), ("env", env.values())):
        if words and not numbers and any("{port}" in each for each in texts_):
            msg = f"{where}.port is missing; {key} has {{port}}, so give its number, such as port = 8000."
            raise ConfigError(msg)
    return OwnService(
        name=name,
        owner=owner,
        addresses=_taken(where, row, "url", address, _local(numbers)),
        command=words,
        ports=numbers,
        directory=here,
        env=env,
        metrics=_taken(where, row, "metrics", _path_or_nothing, "/metrics"),
        ready=_taken(where, row, "ready", _path_or_nothing, "/readyz"),
        logs=tuple(
            each if each == STDOUT else str(folder / each)
            for each in _taken(where, row, "logs", texts, _NONE)
        ),
        objectives=objectives(f"{where}.slos", name, owner, row.get("slos", [])),
    )


def _local(numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"http://127.0.0.1:{number}" for number in numbers)


def _check_references(where: str, services: tuple[OwnService, ...]) -> None:
    """Pass when names and ports are used once, and the ports that commands and variables ask for are there."""
    _refuse_double_names(where, services)
    holders: dict[int, str] = {}
    for service in services:
        for number in service.ports:
            other = holders.setdefault(number, service.name)
            if other != service.name or service.ports.count(number) > 1:
                msg = f"{where}: services.{service.name}.port has {number}, which {other} has too; give it another."
                raise ConfigError(msg)
    with_port = [service.name for service in services if service.ports]
    for service in services:
        for key, texts_ in (("command", service.command), ("env", service.env.values())):
            asked = {name for each in texts_ for name in PORT_OF.findall(each)}
            if missing := sorted(asked.difference(with_port)):
                msg = (
                    f"{where}: services.{service.name}.{key} has {{port:{missing[0]}}}; "
                    f"services of this file with a port are {', '.join(with_port) or 'none'}."
                )
                raise ConfigError(msg)


def _refuse_double_names(where: str, services: Iterable[OwnService]) -> None:
    holders: dict[str, str] = {}
    for service in services:
        for name in {service.name: None, **service.processes}:
            other = holders.setdefault(name, service.name)
            if other != service.name:
                msg = (
                    f"{where}: the services {other} and {service.name} both have a process named {name}, "
                    "as replicas are named shop, shop-2; give one of them another name."
                )
                raise ConfigError(msg)


def _check_kind(where: str, row: Mapping[str, Any]) -> None:
    if ("command" in row) == ("url" in row):
        has = "both" if "url" in row else "neither"
        example = shlex.quote("uvicorn shop.app:app --port {port}")
        msg = (
            f"{where} has {has} of command and url; give it command = {example} with port = 8000 "
            'to have it started, or url = "http://localhost:8000" where it runs already.'
        )
        raise ConfigError(msg)
    misplaced = [key for key in _COMMAND_ONLY if key in row and "url" in row]
    if misplaced:
        msg = f"{where}.{misplaced[0]} is for a service with a command; this one has a url, so take it out."
        raise ConfigError(msg)
    if STDOUT in row.get("logs", ()) and "url" in row:
        msg = f"{where}.logs has {STDOUT!r}, which is for a service with a command; name its log file."
        raise ConfigError(msg)


def _check_keys(where: str, table: object, accepted: tuple[str, ...]) -> None:
    if not isinstance(table, dict):
        msg = f"{where} is {table!r}; use a table with {', '.join(accepted)}."
        raise ConfigError(msg)
    unknown = sorted(set(table) - set(accepted))
    if unknown:
        near = get_close_matches(unknown[0], accepted, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        msg = f"{where} has the key {unknown[0]!r}; accepted are {', '.join(accepted)}.{hint}"
        raise ConfigError(msg)


def _taken(where: str, row: Mapping[str, Any], key: str, check: Callable[[Any], _T], default: _T) -> _T:
    return _value(where, key, row[key], check) if key in row else default


def _value(where: str, key: str, given: Any, check: Callable[[Any], _T]) -> _T:
    try:
        return check(given)
    except ValueError as error:
        raise _refused(where, key, given, str(error)) from error


def _refused(where: str, key: str, given: Any, accepted: str) -> ConfigError:
    joint = ": " if where.endswith(("toml", "]")) else "."
    # Values of env may be secret.
    shown = f"a {type(given).__name__} that is not accepted" if key == "env" else repr(given)
    return ConfigError(f"{where}{joint}{key} is {shown}; use {accepted}.")


def _path_or_nothing(value: Any) -> str:
    return "" if value == "" else path_part(value)


def _folder(where: str, folder: Path, row: Mapping[str, Any], key: str) -> Path | None:
    given = _taken(where, row, key, text, "")
    if given and not (folder / given).is_dir():
        raise _refused(where, key, given, f"a folder that is there, seen from {folder}")
    return folder / given if given else None


def _listed(where: str, content: Mapping[str, Any], key: str, folder: Path) -> tuple[Path, ...]:
    """Return the files that *key* names; of a folder, those that have the ending of their kind."""
    ending, accepted = _LISTED[key]
    named: list[Path] = []
    for pattern in _taken(where, content, key, texts, _NONE):
        found = sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
        if len(found) == 1 and found[0].is_dir():
            found = sorted(found[0].glob(ending))
        if not found or not all(path.is_file() for path in found):
            raise _refused(where, key, pattern, f"{accepted}, seen from {folder}")
        named += found
    return tuple(named)

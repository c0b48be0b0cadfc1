"""What the keys of ``obskit.toml`` accept; each check raises ValueError with what is accepted."""

import re
import shlex
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

from obskit.errors import ConfigError
from obskit.rules import Objective, objective

__all__ = [
    "address",
    "command",
    "environment",
    "flag",
    "name_of",
    "objectives",
    "path_part",
    "ports",
    "text",
    "texts",
]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_LONGEST_NAME = 40
_HIGHEST = 65_535
_SLO_KEYS = (
    "kind",
    "objective",
    "name",
    "window",
    "threshold_s",
    "destination",
    "total",
    "good",
    "bad",
    "floor",
)
_OF_OBJECTIVE = ("objective", "window", "floor")


def _refuse(accepted: str) -> NoReturn:
    raise ValueError(accepted)


def name_of(value: Any) -> str:
    """Accept a name that can be a label, a file and a process."""
    if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > _LONGEST_NAME:
        _refuse(f"small letters, digits, - and _, such as order-service, {_LONGEST_NAME} at most")
    return value


def text(value: Any) -> str:
    """Accept a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        _refuse("a text in quotes")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Accept a text or a list of texts."""
    given = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(each, str) and each.strip() for each in given):
        _refuse("a text in quotes or a list of them")
    return tuple(given)


def flag(value: Any) -> bool:
    """Accept true and false."""
    if not isinstance(value, bool):
        _refuse("true or false, without quotes")
    return value


def ports(value: Any) -> tuple[int, ...]:
    """Accept the number of a port, or a list of them."""
    given = value if isinstance(value, list) and value else [value]
    for each in given:
        if not isinstance(each, int) or isinstance(each, bool) or not 0 < each <= _HIGHEST:
            _refuse(f"a whole number from 1 to {_HIGHEST}, without quotes, or a list of them for replicas")
    return tuple(given)


def path_part(value: Any) -> str:
    """Accept the path of an address."""
    if not isinstance(value, str) or not value.startswith("/") or any(char in value for char in " ?#"):
        _refuse("a path such as /metrics")
    return value


def address(value: Any) -> tuple[str, ...]:
    """Accept an HTTP address, or a list of them, without a path."""
    accepted = "an address such as http://localhost:8000, or a list of them"
    found = texts(value) if isinstance(value, (str, list)) and value else _refuse(accepted)
    for each in found:
        try:
            parts = urlsplit(each)
            is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_good = False
        if not is_good or parts.path not in {"", "/"} or parts.query or parts.fragment:
            _refuse(f"{accepted}; the paths are keys of their own")
        if parts.username or parts.password:
            _refuse("an address without a user: it is shown on pages and in files")
    return tuple(each.rstrip("/") for each in found)


def command(value: Any) -> tuple[str, ...]:
    """Accept a command line, as one text or as a list of its words; no shell reads it."""
    accepted = 'a command line such as "uvicorn shop.app:app --port {port}", or a list of its words'
    if isinstance(value, list):
        words = texts(value) if value else _refuse(accepted)
    else:
        try:
            words = tuple(shlex.split(value)) if isinstance(value, str) else ()
        except ValueError:
            words = ()
    return words or _refuse(accepted)


def environment(value: Any) -> dict[str, str]:
    """Accept variables, their values as texts."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        _refuse('a table of texts, such as {CURRENCY = "EUR"}')
    return dict(value)


def objectives(where: str, service: str, owner: str, given: Any) -> tuple[Objective, ...]:
    """Return the objectives of a service.

    Raises:
        ConfigError: one cannot be used, or two have the same name.
    """
    if not isinstance(given, list):
        msg = f'{where} is {given!r}; use a list such as [{{kind = "availability", objective = 99.9}}].'
        raise ConfigError(msg)
    found = tuple(
        _objective(f"{where}[{number}]", service, owner, row) for number, row in enumerate(given, start=1)
    )
    names = [one.name for one in found]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        msg = f"{where} has two objectives named {doubles[0]!r}; give one another with name = ..."
        raise ConfigError(msg)
    return found


def _objective(where: str, service: str, owner: str, row: Any) -> Objective:
    if not isinstance(row, Mapping):
        msg = f'{where} is {row!r}; use a table such as {{kind = "availability", objective = 99.9}}.'
        raise ConfigError(msg)
    unknown = sorted(set(row) - set(_SLO_KEYS))
    if unknown:
        msg = f"{where} has the key {unknown[0]!r}; accepted are {', '.join(_SLO_KEYS)}."
        raise ConfigError(msg)
    if "objective" not in row:
        msg = f"{where}.objective is missing; give the percent of events that are good, such as 99.9."
        raise ConfigError(msg)
    plain = {key: row[key] for key in _OF_OBJECTIVE if key in row}
    sli = {key: value for key, value in row.items() if key not in {*_OF_OBJECTIVE, "name"}}
    entry = {
        "name": row.get("name", row.get("kind")),
        "service": service,
        "owner": owner,
        "window": "30d",
        **plain,
        "sli": sli,
    }
    try:
        return objective(entry)
    except ConfigError as error:
        msg = f"{where}: {error}"
        raise ConfigError(msg) from error

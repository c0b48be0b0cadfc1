"""Reads a file of checks; what it cannot read it refuses by the key's place."""

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from obskit._extras import require
from obskit.errors import ConfigError
from obskit.testing.acceptance._errors import refuse
from obskit.testing.acceptance._model import Check, MetricChange, Request
from obskit.testing.acceptance._values import Expected, expected

__all__ = ["load_checks", "parse_checks"]

_TOP = ("checks",)
_CHECK = ("name", "request", "status", "headers", "body", "access_line", "logs", "span", "metrics")
_REQUEST = ("method", "path", "headers", "json", "body")
_METRIC = ("metric", "labels", "change")
_METHOD = re.compile(r"[A-Z]{1,20}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STATUSES = range(100, 600)
_STATUS_CLASS = re.compile(r"[1-5]xx")


def load_checks(path: Path) -> tuple[Check, ...]:
    """Return the checks of the file *path*.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or a key or value is not accepted.
    """
    yaml = require("yaml", extra="stack", used_by="A file of acceptance checks")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read ({error}); name a file of checks in YAML."
        raise ConfigError(msg) from error
    return parse_checks(_read_yaml(yaml, text, path), os.environ)


def _read_yaml(yaml: ModuleType, text: str, path: Path) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        msg = f"{path} is not YAML{place} ({getattr(error, 'problem', error)})."
        raise ConfigError(msg) from error


def parse_checks(document: Any, environ: Mapping[str, str]) -> tuple[Check, ...]:
    """Return the checks of a *document* as YAML gives it; ``${NAME}`` in headers comes from *environ*.

    Raises:
        ConfigError: a key or a value is not accepted; the text has its place.
    """
    top = _mapping(document, "the file", _TOP)
    checks = _list(top.get("checks"), "checks")
    if not checks:
        refuse("checks", "is empty", "write at least one check")
    return tuple(_check(each, f"checks[{number}]", environ) for number, each in enumerate(checks))


def _check(value: Any, where: str, environ: Mapping[str, str]) -> Check:
    given = _mapping(value, where, _CHECK)
    if "request" not in given:
        refuse(where, "has no request", "write one such as request: GET /orders")
    request = _request(given["request"], f"{where}.request", environ)
    readers: dict[str, Callable[[Any, str], Any]] = {
        "status": _status,
        "headers": lambda value, where: {name.lower(): each for name, each in _each(value, where).items()},
        "body": lambda value, _where: Expected("is", value),
        "access_line": _each,
        "logs": lambda value, where: tuple(
            _each(each, f"{where}[{number}]") for number, each in enumerate(_list(value, where))
        ),
        "span": _each,
        "metrics": lambda value, where: tuple(
            _metric(each, f"{where}[{number}]") for number, each in enumerate(_list(value, where))
        ),
    }
    parts = {key: readers[key](given[key], f"{where}.{key}") for key in readers if key in given}
    name = given.get("name", f"{request.method} {request.path}")
    return Check(name=_text(name, f"{where}.name"), request=request, **parts)


def _request(value: Any, where: str, environ: Mapping[str, str]) -> Request:
    if isinstance(value, str):
        method, _, path = value.partition(" ")
        given: Mapping[str, Any] = {"method": method, "path": path.strip()}
    else:
        given = _mapping(value, where, _REQUEST)
    method, path = given.get("method", "GET"), given.get("path", "")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        refuse(f"{where}.method", f"{method!r} is not a method", "use one in capitals, such as GET or POST")
    if not isinstance(path, str) or not path.startswith("/"):
        refuse(f"{where}.path", f"{path!r} does not begin with /", "use a path such as /orders?limit=1")
    if "json" in given and "body" in given:
        refuse(where, "has json and body", "use one of them")
    headers = {
        str(name): _expanded(str(text), f"{where}.headers.{name}", environ)
        for name, text in _mapping(given.get("headers", {}), f"{where}.headers").items()
    }
    body = None if given.get("body") is None else _text(given["body"], f"{where}.body")
    return Request(method, path, headers, given.get("json"), body)


def _expanded(text: str, where: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            refuse(where, f"the variable {match[1]} is not set", f"set it, as in {match[1]}=... obskit check")
        return environ[match[1]]

    return _VARIABLE.sub(value, text)


def _status(value: Any, where: str) -> Expected:
    if isinstance(value, str) and _STATUS_CLASS.fullmatch(value):
        return Expected("matches", f"^{value[0]}..$")
    wanted = expected(value, where)
    if wanted.kind == "is" and value not in _STATUSES:
        refuse(where, f"{value!r} is not a status", "use 100 to 599, 2xx, or one_of: [200, 201]")
    return wanted


def _metric(value: Any, where: str) -> MetricChange:
    given = _mapping(value, where, _METRIC)
    if "metric" not in given:
        refuse(where, "has no metric", "write metric: http_server_request_duration_seconds_count")
    change = expected(given.get("change", 1), f"{where}.change")
    if change.kind not in {"is", "at_least"} or isinstance(change.value, (bool, str)):
        refuse(f"{where}.change", f"{change} is not a change", "use a number, or at_least: 1")
    labels = _mapping(given.get("labels", {}), f"{where}.labels")
    named = {str(name): str(text) for name, text in labels.items()}
    return MetricChange(_text(given["metric"], f"{where}.metric"), named, change)


def _each(value: Any, where: str) -> dict[str, Expected]:
    return {str(name): expected(each, f"{where}.{name}") for name, each in _mapping(value, where).items()}


def _mapping(value: Any, where: str, accepted: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        shape = f"has the keys {', '.join(accepted)}" if accepted else "has a name and a value on each line"
        refuse(where, f"{_shape(value)} was found", f"a mapping is wanted that {shape}")
    for key in value:
        if accepted and key not in accepted:
            near = get_close_matches(str(key), accepted, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            refuse(where, f"{key!r} is not a key here", f"{hint}accepted are {', '.join(accepted)}".strip())
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        refuse(where, f"{_shape(value)} was found", "a list is wanted, each item behind a dash")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        refuse(where, f"{value!r} is not a text", "use a text that is not empty")
    return value


def _shape(value: Any) -> str:
    if value is None:
        return "nothing"
    return {"list": "a list", "dict": "a mapping", "str": "a text"}.get(type(value).__name__, repr(value))

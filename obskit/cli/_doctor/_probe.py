"""The process that sends one real request through an application and writes down what came out.

Usage: ``python -m obskit.cli._doctor._probe module:app "GET /path" ANSWER``; its stdout is the application's.
"""

import asyncio
import inspect
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

import obskit
from obskit.asgi import Asgi, Wsgi
from obskit.cli._doctor._environment import examine_collector, examine_log_dir
from obskit.cli._doctor._model import Finding
from obskit.config import Settings
from obskit.errors import ObskitError
from obskit.redaction import is_secret_key
from obskit.testing import Capture, capture
from obskit.testing._application import StartupError, load_app, running

__all__ = ["main"]

_MARK = "_obskit_middleware"
_DEEPEST = 20
_OPENMETRICS = "application/openmetrics-text; version=1.0.0"
_DOCS = frozenset({"/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect"})
_OTHER_METRICS = ("prometheus_fastapi_instrumentator", "starlette_exporter", "starlette_prometheus")
_SHORTEST_SECRET = 6
_NO_SECRETS = frozenset({"PWD", "OLDPWD"})  # working directories, not passwords


def main(arguments: list[str]) -> None:
    """Probe the application and write the facts; what its module raises goes on, as a traceback."""
    target, wanted, answer = arguments
    try:
        with capture() as captured:
            facts = _probe(load_app(target), wanted, captured)
            obskit.shutdown()
            facts["leaks"] = sorted(_leaks(captured, os.environ))
            facts["file"] = _file_lines(facts["log_dir"])
    except ObskitError as error:
        kind = "startup" if isinstance(error, StartupError) else "error"
        facts = {kind: str(error)}
    Path(answer).write_bytes(orjson.dumps(facts))


def _probe(loaded: Any, wanted: str, captured: Capture) -> dict[str, Any]:
    *wrappers, app = _way_in(loaded, set()) or [loaded]
    facts: dict[str, Any] = {
        "is_callable": callable(loaded),
        "is_instrumented": _is_observed(app),
        "outer": [_name(each) for each in wrappers if _is_base_http(type(each))],
        "other_metrics": sorted(
            {_name(each) for each in _added(app) if _module(each).startswith(_OTHER_METRICS)}
        ),
    }
    if not facts["is_instrumented"]:
        return {**facts, "log_dir": None}
    settings = captured.telemetry.settings
    facts |= {
        "log_dir": None if settings.log_dir is None else str(settings.log_dir),
        "log_format": settings.log_format,
        "service": settings.service,
        "set_by_arguments": [asdict(finding) for finding in _set_by_arguments(settings)],
    }
    return facts | asyncio.run(_ask(loaded, _request(app, wanted), captured))


async def _ask(app: Any, request: tuple[str, str], captured: Capture) -> dict[str, Any]:
    trace_id = secrets.token_hex(16)
    traceparent = f"00-{trace_id}-{secrets.token_hex(8)}-01"
    async with running(app) as client:
        answer = await client.request(*request, headers={"traceparent": traceparent})
        spans = captured.spans.all(kind="SERVER")
        page = await client.get("/metrics", headers={"accept": _OPENMETRICS})
    return {
        "trace_id": trace_id,
        "request": " ".join(request),
        "status": answer.status_code,
        "request_id": answer.headers.get("x-request-id"),
        "error_type": [
            line.get("exception", {}).get("type") for line in captured.logs.all(event="http.request")
        ],
        "server_spans": [
            {"name": span.name, "scope": span.scope, "trace_id": span.trace_id} for span in spans
        ],
        "metrics": page.text,
        "metrics_type": page.headers.get("content-type", ""),
    }


def _set_by_arguments(settings: Settings) -> Iterator[Finding]:
    """Judge what the application sets otherwise than the environment does, which was judged already."""
    environment = Settings.load({})
    if settings.log_dir != environment.log_dir:
        yield from examine_log_dir(settings.log_dir)
    if settings.traces_url != environment.traces_url:
        yield from examine_collector(settings)


def _way_in(outer: Any, seen: set[int], deep: int = 0) -> list[Any] | None:
    """Return what a request goes through, *outer* first, down to what obskit observes; None if it is nowhere."""
    if _is_observed(outer):
        return [outer]
    seen.add(id(outer))
    for inner in _held(outer, is_entry=not deep) if deep < _DEEPEST else ():
        way = None if id(inner) in seen else _way_in(inner, seen, deep + 1)
        if way is not None:
            return [outer, *way]
    return None


def _is_observed(app: Any) -> bool:
    # Looked up without asking it: a proxy of a request raises where there is none.
    return inspect.getattr_static(app, _MARK, None) is not None or isinstance(app, (Asgi, Wsgi))


def _held(outer: Any, *, is_entry: bool) -> Iterable[Any]:
    """Return the instances that *outer*, an object or a function, may pass its calls on to.

    Of a function that is what it closes over, and of the entry what it finds in its module too.
    """
    if inspect.isfunction(outer):
        try:
            found = inspect.getclosurevars(outer)
        except ValueError:  # it closes over what is not there yet
            return []
        names = {**(found.globals if is_entry else {}), **found.nonlocals}
    else:
        try:
            names = dict(vars(outer))
        except (RuntimeError, TypeError):  # a proxy of nothing, or an object without attributes
            return []
    return [each for each in names.values() if callable(each) and not isinstance(each, type)]


def _is_base_http(kind: type) -> bool:
    return any(base.__name__ == "BaseHTTPMiddleware" for base in kind.__mro__)


def _added(app: Any) -> list[Any]:
    return [getattr(each, "cls", each) for each in getattr(app, "user_middleware", ())]


def _module(kind: Any) -> str:
    return str(getattr(kind, "__module__", ""))


def _name(each: Any) -> str:
    kind = each if isinstance(each, type) else type(each)
    return f"{kind.__module__}.{kind.__qualname__}"


def _request(app: Any, wanted: str) -> tuple[str, str]:
    """Return method and path: what was asked for, else the first GET route without parameters, else ``/``."""
    if wanted:
        method, _, path = wanted.partition(" ")
        return method, path.strip()
    for route in getattr(app, "routes", ()):
        path = getattr(route, "path", "")
        if "GET" in (getattr(route, "methods", None) or ()) and "{" not in path and path not in _DOCS:
            return "GET", path
    return "GET", "/"


def _leaks(captured: Capture, environ: Mapping[str, str]) -> Iterator[str]:
    """Name the variables whose secret value is on a log line or a span."""
    seen = "\n".join(
        [*(repr(dict(line)) for line in captured.logs), *(repr(span.attributes) for span in captured.spans)]
    )
    for name, value in environ.items():
        if (
            name not in _NO_SECRETS
            and is_secret_key(name)
            and len(value) >= _SHORTEST_SECRET
            and value in seen
        ):
            yield name


def _file_lines(folder: str | None) -> str:
    if folder is None:
        return ""
    found = sorted(Path(folder).glob(f"*.{os.getpid()}.jsonl"))
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in found)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The telemetry that FastAPI, from 0.142 on, has of its own, beside ours."""

from collections.abc import Callable
from typing import Any

__all__ = ["native_record", "stand_aside"]


def native_record(app: Any) -> Callable[[], Any]:
    """Return a maker of records that *app*, if it is FastAPI, writes the route template into.

    Where *app* is another framework, or FastAPI is older or has changed, the record is None
    and the template is read from what the routers leave in the scope.
    """
    if not _is_fastapi(app):
        return lambda: None
    try:
        from fastapi.telemetry._api import _RequestTelemetry

        _RequestTelemetry(span=None, span_method="", data=None)
    except (ImportError, TypeError):
        return lambda: None
    return lambda: _RequestTelemetry(span=None, span_method="", data=None)


def stand_aside(app: Any) -> None:
    """Leave the spans of *app*, if it is FastAPI, and their export to us alone.

    Where FastAPI exports by itself, it adds a second exporter to our provider, and each span
    is sent twice. Version 0.142 does so whenever an OTLP endpoint is named in the
    environment, and refuses to start where OpenTelemetry's exporter is not installed.
    """
    config = getattr(app, "_telemetry", None)
    if not _is_fastapi(app) or not isinstance(config, dict):
        return
    from fastapi import __version__

    config["tracing"] = False
    if __version__.startswith("0.142."):
        config["auto_configure"] = False


def _is_fastapi(app: Any) -> bool:
    return any(base.__module__ == "fastapi.applications" for base in type(app).__mro__)

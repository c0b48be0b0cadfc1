"""Reads the route template of a request that has been routed; never matches a route again."""

from typing import Any

from obskit._typing import Scope
from obskit.catalog import UNMATCHED

__all__ = ["NATIVE_KEY", "OUTER_APP", "STARLETTE_KEY", "route_template"]

NATIVE_KEY = "fastapi.telemetry"
"""Scope key in which FastAPI, from 0.142 on, keeps its own record of a request.

A request that has it when it reaches the application, at any depth, gets no SERVER span
from FastAPI: that is how the one we make stays the only one.
"""

STARLETTE_KEY = "starlette.opentelemetry"
"""Scope key with which Starlette's own middleware, from 1.10 on, says that a request has its span."""

OUTER_APP = "obskit.app"
"""Scope key of the application that obskit is installed on; a mount overwrites ``scope["app"]``."""


def route_template(scope: Scope) -> str:
    """Return the template of the route that took the request, or ``unmatched``.

    In the order tried:

    1. What FastAPI wrote into our record: right for included routers and mounts alike.
    2. The context of an included router (FastAPI from 0.137 on), whose path has the prefix
       that ``include_router`` added and ``scope["route"]`` lacks.
    3. ``scope["route"]``, with the templates of the mounts that were passed before it:
       ``root_path`` holds the raw path there, which has no bound.
    4. The route of the endpoint that was called, for Starlette before 1.0 leaves no route.
    """
    record = scope.get(NATIVE_KEY)
    if record is not None:
        return getattr(record, "route", None) or UNMATCHED
    route = scope.get("route")
    path = _included(scope) or _template(route)
    if "app_root_path" not in scope:  # set by the first mount on the way
        return path or _called(scope, getattr(scope.get(OUTER_APP), "routes", ())) or UNMATCHED
    mount, routes = _passed_mounts(scope)
    # A mount of something without routes of its own (static files) is itself the route, and
    # so it is where nothing in it took the request.
    path = None if _is_mount(route) else path or _called(scope, routes)
    return mount + (path or "/{path}")


def _called(scope: Scope, routes: Any) -> str | None:
    endpoint = scope.get("endpoint")
    if endpoint is None or "route" in scope:
        return None
    parameters = scope.get("path_params", {}).keys()
    for route in routes:
        mine = getattr(route, "param_convertors", {}).keys()
        if getattr(route, "endpoint", None) is endpoint and mine <= parameters:
            return _template(route)
    return None


def _included(scope: Scope) -> str | None:
    fastapi = scope.get("fastapi")
    context = fastapi.get("effective_route_context") if isinstance(fastapi, dict) else None
    return _template(getattr(context, "starlette_route", None)) or _template(context)


def _template(route: Any) -> str | None:
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return template if isinstance(template, str) else None


def _is_mount(route: Any) -> bool:
    return hasattr(route, "routes") and hasattr(route, "path_regex")


def _passed_mounts(scope: Scope) -> tuple[str, Any]:
    """Return the templates of the mounts on the way, and the routes inside the last one."""
    raw = scope["root_path"].removeprefix(scope["app_root_path"])
    routes = getattr(scope.get(OUTER_APP), "routes", ())
    template = ""
    while raw:
        mount, raw = _taking(routes, raw)
        if mount is None:
            return f"{template}/{{mount}}", ()  # mounted where we cannot see: bounded all the same
        template += mount.path_format.removesuffix("/{path}")
        routes = getattr(mount, "routes", ())
    return template, routes


def _taking(routes: Any, raw: str) -> tuple[Any, str]:
    """Return the mount among *routes* that *raw* passed, and what is left of *raw* behind it."""
    for route in routes:
        match = route.path_regex.match(f"{raw}/") if _is_mount(route) else None
        if match is not None:
            return route, f"{raw}/"[match.start("path") - 1 :].rstrip("/")
    return None, raw

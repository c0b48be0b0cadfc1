"""The pages for people: what is broken, since when, and what to do. They need no script and no network."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from obskit.pager._brief import brief
from obskit.pager._details import readable
from obskit.pager._errors import RefusedError
from obskit.pager._pager import Pager
from obskit.pager._requests import Served, number_of
from obskit.pager._runbooks import find_runbook, runbook_names
from obskit.pager._text import ago, utc

__all__ = ["problem_page", "router"]

router = APIRouter(include_in_schema=False)

_SHOWN = 200
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("obskit.pager"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(ago=ago, utc=utc)
    return found


_TEMPLATES = _templates()
_STYLE = (files("obskit.pager") / "templates" / "pager.css").read_text(encoding="utf-8")


def _page(template: str, code: int = 200, /, **values: Any) -> Response:
    return Response(_TEMPLATES.get_template(template).render(**values), code, _HEADERS, "text/html")


def problem_page(status: int, message: str, fix: str) -> Response:
    """Return the page that says what is wrong with a request, and the way on."""
    return _page("problem.html", status, status=status, message=message, fix=fix)


@router.get("/pager.css")
async def style() -> Response:
    """Return the style of all pages."""
    return Response(_STYLE, headers={"Cache-Control": "max-age=300"}, media_type="text/css")


@router.get("/")
@router.get("/incidents")
async def incidents_page(pager: Served) -> Response:
    """Show the open incidents, what needs somebody first, then the latest resolved ones."""
    found = await pager.latest(("triggered", "acknowledged"), _SHOWN)
    return _page(
        "incidents.html",
        now=pager.clock.time(),
        total=pager.open,
        open=sorted(found, key=lambda one: (one.status != "triggered", one.urgency != "high")),
        resolved=await pager.latest(("resolved",), 50),
        watchdog=_watchdog(pager),
    )


@router.get("/incidents/{incident}")
async def incident_page(incident: str, pager: Served) -> Response:
    """Show one incident."""
    found = await pager.find(number_of(incident))
    told = brief(found)
    return _page(
        "incident.html",
        now=pager.clock.time(),
        incident=found,
        told=told,
        details=[row for row in readable(found.details) if row[0] not in told.shown],
        changes=await pager.changes_near(found),
        escalation=pager.escalation(found),
    )


@router.get("/runbooks")
async def runbooks_page(pager: Served) -> Response:
    """List the runbooks."""
    return _page("runbooks.html", names=runbook_names(pager.settings.runbooks))


@router.get("/runbooks/{name}")
async def runbook_page(name: str, pager: Served) -> Response:
    """Show one runbook."""
    runbook = find_runbook(pager.settings.runbooks, name)
    if runbook is None:
        raise RefusedError(404, f"There is no runbook {name[:100]!r}.", fix="All runbooks: /runbooks")
    return _page("runbook.html", runbook=runbook)


def _watchdog(pager: Pager) -> str:
    silent_s = pager.silent_s
    if silent_s is None:
        return "No Watchdog heartbeat came so far: nobody notices if the monitoring itself fails."
    return f"The last Watchdog heartbeat came {ago(silent_s)} ago."

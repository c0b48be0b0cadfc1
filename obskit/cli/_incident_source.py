"""Where incidents are read: from the pager, or from its file when the stack is down."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from obskit import stack
from obskit.cli._client import Api, UnreachableError
from obskit.errors import StackError

if TYPE_CHECKING:
    from obskit.pager import Store

__all__ = ["STATUSES", "find", "latest", "markdown"]

T = TypeVar("T")
_LIMIT = 100
STATUSES = ("triggered", "acknowledged", "resolved")
"""What an incident can be; the first two are open."""


def latest(home: stack.Home, status: str) -> list[dict[str, Any]]:
    """Return incidents, newest first; *status* as the pager's API takes it, empty for all.

    Raises:
        StackError: the pager refuses, or is down and has kept nothing.
    """
    query = urlencode({"status": status, "limit": _LIMIT})
    try:
        answer = Api(home, "pager").call("GET", f"/v1/incidents?{query}")
    except UnreachableError:
        found = _kept(home, lambda store: store.latest(_statuses(status), _LIMIT))
        return [incident.to_json() for incident in found or []]
    incidents: list[dict[str, Any]] = answer["incidents"]
    return incidents


def find(home: stack.Home, incident_id: str) -> dict[str, Any]:
    """Return one incident with its timeline.

    Raises:
        StackError: there is no such incident.
    """
    try:
        incident: dict[str, Any] = Api(home, "pager").call(
            "GET", f"/v1/incidents/{quote(incident_id, safe='')}"
        )
    except UnreachableError:
        found = _kept(home, lambda store: store.find(_number(incident_id)))
        if found is None:
            raise _missing(incident_id) from None
        return found.to_json()
    return incident


def markdown(home: stack.Home, incident_id: str) -> str:
    """Return one incident with its timeline as Markdown.

    Raises:
        StackError: there is no such incident.
    """
    try:
        text: str = Api(home, "pager").text(f"/v1/incidents/{quote(incident_id, safe='')}.md")
    except UnreachableError:
        found = _kept(home, lambda store: _written(store, _number(incident_id)))
        if found is None:
            raise _missing(incident_id) from None
        return found
    return text


def _written(store: "Store", number: int) -> str | None:
    from obskit.pager import as_markdown, changes_near  # as below

    incident = store.find(number)
    if incident is None:
        return None
    return as_markdown(incident, f"/incidents/{incident.id}", changes_near(store, incident, time.time()))


def _kept(home: stack.Home, read: Callable[["Store"], T]) -> T | None:
    """Read the file of a pager that is down, or return None when there is none."""
    path = home.data / "pager.db"
    if not path.is_file():
        return None
    from obskit.pager import Store  # brings a web framework that most commands do not need

    store = Store(path)
    try:
        return read(store)
    finally:
        store.close()


def _statuses(text: str) -> Sequence[str]:
    if text == "open":
        return STATUSES[:2]
    return text.split(",") if text else STATUSES


def _number(incident_id: str) -> int:
    digits = incident_id.upper().removeprefix("INC-")
    if not (digits.isascii() and digits.isdigit()):
        raise _missing(incident_id)
    return int(digits)


def _missing(incident_id: str) -> StackError:
    return StackError(f"There is no incident {incident_id!r}.", fix="obskit incidents list")

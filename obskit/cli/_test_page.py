"""A page for a test: an alert posted to Alertmanager, watched until the pager has its incident."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from obskit import stack
from obskit.cli._client import Api
from obskit.errors import StackError

__all__ = ["firing", "wait_for"]

_LONGEST = timedelta(minutes=10)
_POLL_S = 0.5


@contextmanager
def firing(home: stack.Home) -> Iterator[str]:
    """Let a test alert fire for the block; gives the service name that tells this test from others.

    The alert would end by itself too, so a test that was cut short pages nobody for long.

    Raises:
        StackError: Alertmanager does not answer or does not take the alert.
    """
    service = f"test-{secrets.token_hex(3)}"
    now = datetime.now(UTC)
    _post(home, service, starts_at=now, ends_at=now + _LONGEST)
    try:
        yield service
    finally:
        _post(home, service, starts_at=now, ends_at=datetime.now(UTC))


def _post(home: stack.Home, service: str, *, starts_at: datetime, ends_at: datetime) -> None:
    alert = {
        "labels": {"alertname": "TestPage", "service_name": service, "severity": "page", "category": "test"},
        "annotations": {
            "summary": "Test page: nothing is wrong",
            "description": "obskit incidents test sent this to see that pages arrive.",
            "impact": "None.",
            "action": "None: it resolves by itself.",
        },
        "startsAt": starts_at.isoformat(),
        "endsAt": ends_at.isoformat(),
    }
    Api(home, "alertmanager").call("POST", "/api/v2/alerts", body=[alert])


def wait_for(home: stack.Home, service: str, statuses: set[str], *, timeout_s: float) -> dict[str, Any]:
    """Return the incident of the test alert once its status is one of *statuses*.

    Raises:
        StackError: it is not within *timeout_s*.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        incident = _find(home, service)
        if incident is not None and incident["status"] in statuses:
            return incident
        time.sleep(_POLL_S)
    msg = (
        f"The pager had no {' or '.join(sorted(statuses))} incident of the test alert within {timeout_s:g} s."
    )
    raise StackError(msg, fix=f"read {home.log_of('alertmanager')} and {home.log_of('pager')}")


def _find(home: stack.Home, service: str) -> dict[str, Any] | None:
    incidents: list[dict[str, Any]] = Api(home, "pager").call("GET", "/v1/incidents")["incidents"]
    return next((each for each in incidents if each["details"].get("service_name") == service), None)

"""Checks who hears of an alert: the routing table by amtool, inhibition by a running Alertmanager."""

import json
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from obskit._assets import asset
from obskit.rules._programs import alertmanager, program, run
from obskit.rules._unit import Outcome

__all__ = ["check_config", "inhibition_tests", "routing_tests"]

_SETTLE_S = 30.0
_POLL_S = 0.2


def check_config() -> Outcome:
    """Let amtool judge the shipped configuration.

    Raises:
        StackError: amtool is not installed.
    """
    code, said = run(program("amtool"), "check-config", str(_config()))
    return Outcome("alertmanager.yml", code == 0, "" if code == 0 else said)


def routing_tests() -> list[Outcome]:
    """Ask amtool for the receiver of each row of ``alerts/tests/routes.yaml``.

    Raises:
        StackError: amtool is not installed.
    """
    return [_routed(row["receiver"], row["labels"]) for row in _rows("routes.yaml")]


def inhibition_tests() -> list[Outcome]:
    """Send the alerts of each row of ``alerts/tests/inhibition.yaml`` to a running Alertmanager.

    Raises:
        StackError: Alertmanager is not installed or does not start.
    """
    rows = _rows("inhibition.yaml")
    with alertmanager(_config()) as url:
        # The rows stand beside each other in one Alertmanager, told apart by a label of their own.
        sent = [_alert(labels, number) for number, row in enumerate(rows) for labels in row["alerts"]]
        _call(f"{url}/api/v2/alerts", sent)
        found = _settled(url, len(sent), sum(len(row["inhibited"]) for row in rows))
    return [_inhibited(row, found, number) for number, row in enumerate(rows)]


def _config() -> Path:
    return asset("alerts", "alertmanager.yml")


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load(asset("alerts", "tests", name).read_text("utf-8"))
    return rows


def _routed(receiver: str, labels: Mapping[str, str]) -> Outcome:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    command = ["config", "routes", "test", f"--config.file={_config()}", f"--verify.receivers={receiver}"]
    code, said = run(program("amtool"), *command, *pairs)
    name = f"{labels.get('alertname', 'no name')} {labels.get('severity', 'without severity')} -> {receiver}"
    return Outcome(name, code == 0, "" if code == 0 else said)


def _alert(labels: Mapping[str, str], row: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "labels": {**labels, "service_name": f"{labels['service_name']}-{row}"},
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }


def _settled(url: str, alerts: int, inhibited: int) -> list[dict[str, Any]]:
    """Return the alerts once as many are inhibited as should be, or after half a minute."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        found: list[dict[str, Any]] = _call(f"{url}/api/v2/alerts")
        silent = sum(1 for one in found if one["status"]["inhibitedBy"])
        if (len(found) == alerts and silent >= inhibited) or time.monotonic() > deadline:
            return found
        time.sleep(_POLL_S)


def _inhibited(row: Mapping[str, Any], found: list[dict[str, Any]], number: int) -> Outcome:
    silent = [_named(one["labels"]) for one in found if one["status"]["inhibitedBy"]]
    mine = sorted(name for name in silent if name.endswith(f"-{number}"))
    wanted = sorted(_named(_alert(row["alerts"][index], number)["labels"]) for index in row["inhibited"])
    said = "" if mine == wanted else f"silenced {mine}, expected {wanted}\n"
    return Outcome(str(row["name"]), mine == wanted, said)


def _named(labels: Mapping[str, str]) -> str:
    return f"{labels['alertname']} {labels['severity']} {labels.get('slo', '')} {labels['service_name']}"


def _call(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read() or b"null")

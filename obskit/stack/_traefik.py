"""Configures Traefik: one door to the gateways, with TLS, and nothing else behind it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from obskit.stack._certificate import ensure_certificate, make_expiring
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK
from obskit.stack._specs import Probe, ProcessSpec

__all__ = ["GATEWAYS", "expire", "expiring_config", "traefik_spec"]

GATEWAYS = ("gateway", "gateway-2")
"""The replicas behind the load balancer, by the names of their ports."""

_API_ONLY = "PathPrefix(`/api/`)"
# No path of ours has these. Encoded, they pass the rule as text and may mean another path behind it.
_PLAIN_PATHS = {
    "encodedCharacters": {
        f"allowEncoded{name}": False
        for name in ("Slash", "BackSlash", "NullCharacter", "Semicolon", "Percent", "QuestionMark", "Hash")
    }
}
_HEALTH_S = 1
_IDLE_S = 2
_MEMORY_LIMIT = "96MiB"
_DAYS_LEFT = {10: 13, 25: 10, 50: 7, 100: 4}
"""By the level of the fault; the alert asks for fourteen, and pages at three."""
_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]


def traefik_spec(home: Home, program: str, ports: Mapping[str, int]) -> ProcessSpec:
    """Write the configuration and the certificate, and return the process.

    Raises:
        StackError: the certificate cannot be written.
    """
    folder = home.root / "traefik"
    folder.mkdir(exist_ok=True)
    routes, config = folder / "routes.yaml", folder / "traefik.yaml"
    certificate, key = ensure_certificate(home)
    write_atomic(routes, _yaml(_routes(ports, str(certificate), str(key))))
    write_atomic(config, _yaml(_static(ports, str(routes))))
    return ProcessSpec(
        name="traefik",
        argv=(program, f"--configFile={config}"),
        # It takes what the machine has if it may; this is several times what it needs.
        env={"GOMEMLIMIT": _MEMORY_LIMIT},
        ports={name: ports[name] for name in ("traefik", "traefik-tls", "traefik-admin")},
        ready=Probe(ports["traefik-admin"], "/ping"),
        after=GATEWAYS,
        url=f"https://localhost:{ports['traefik-tls']}/api/products",
        service="traefik",
    )


def expiring_config(home: Home) -> Path:
    """Return the configuration that :func:`expire` writes."""
    return home.root / "traefik" / "expiring" / "traefik.yaml"


def expire(home: Home, level: int) -> None:
    """Write a configuration that serves a certificate nobody has renewed: days are left, fewer by *level*.

    Raises:
        OSError: the configuration of the running one cannot be read, or the new one not be written.
    """
    certificate, key = make_expiring(home, _DAYS_LEFT[level])
    config = expiring_config(home)
    config.parent.mkdir(exist_ok=True)
    routes = config.with_name("routes.yaml")
    static = yaml.safe_load((home.root / "traefik" / "traefik.yaml").read_text(encoding="utf-8"))
    dynamic = yaml.safe_load((home.root / "traefik" / "routes.yaml").read_text(encoding="utf-8"))
    static["providers"]["file"]["filename"] = str(routes)
    dynamic["tls"]["stores"]["default"]["defaultCertificate"] = {
        "certFile": str(certificate),
        "keyFile": str(key),
    }
    write_atomic(routes, _yaml(dynamic))
    write_atomic(config, _yaml(static))


def _static(ports: Mapping[str, int], routes: str) -> dict[str, Any]:
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN", "format": "json"},
        "entryPoints": {
            "web": {"address": f"{LOOPBACK}:{ports['traefik']}", "http": _PLAIN_PATHS},
            "websecure": {"address": f"{LOOPBACK}:{ports['traefik-tls']}", "http": _PLAIN_PATHS},
            "traefik": {"address": f"{LOOPBACK}:{ports['traefik-admin']}"},
        },
        # Shows, changes nothing; on a loopback port of its own.
        "api": {"insecure": True, "dashboard": True, "disableDashboardAd": True},
        "ping": {"entryPoint": "traefik"},
        "metrics": {"prometheus": {"entryPoint": "traefik", "addRoutersLabels": True, "buckets": _BUCKETS}},
        "tracing": {
            "serviceName": "traefik",
            "sampleRate": 1.0,  # of requests that come without a decision; a caller's decision stands
            "otlp": {"http": {"endpoint": f"http://{LOOPBACK}:{ports['otlp']}/v1/traces"}},
        },
        # A file that changes is read again: a renewed certificate needs no restart.
        "providers": {"file": {"filename": routes, "watch": True}},
    }


def _routes(ports: Mapping[str, int], certificate: str, key: str) -> dict[str, Any]:
    # Health, metrics and admin routes are not below /api/, so nobody outside can ask for them.
    router = {"rule": _API_ONLY, "service": "gateway", "middlewares": ["again"]}
    return {
        "http": {
            "routers": {
                "api": {**router, "entryPoints": ["web"]},
                "api-tls": {**router, "entryPoints": ["websecure"], "tls": {}},
            },
            # Only where no connection could be made: what a replica may have seen is not sent twice.
            "middlewares": {"again": {"retry": {"attempts": 3, "initialInterval": "50ms"}}},
            "services": {"gateway": {"loadBalancer": _balancer(ports)}},
            # Closed here before uvicorn closes them after 5 s there.
            "serversTransports": {"replicas": {"forwardingTimeouts": {"idleConnTimeout": f"{_IDLE_S}s"}}},
        },
        "tls": {
            "stores": {"default": {"defaultCertificate": {"certFile": certificate, "keyFile": key}}},
            "options": {"default": {"minVersion": "VersionTLS12"}},
        },
    }


def _balancer(ports: Mapping[str, int]) -> dict[str, Any]:
    return {
        "servers": [{"url": f"http://{LOOPBACK}:{ports[name]}"} for name in GATEWAYS],
        # /readyz answers 503 while a replica drains, so it is out before it closes.
        "healthCheck": {"path": "/readyz", "interval": f"{_HEALTH_S}s", "timeout": f"{_HEALTH_S}s"},
        "serversTransport": "replicas",
    }


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False)

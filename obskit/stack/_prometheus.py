"""Configures Prometheus: what it scrapes, which rules it evaluates, whom it tells."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from obskit.catalog import SERVICE_LABEL
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK

__all__ = [
    "add_target",
    "command",
    "remove_target",
    "scrape_interval_s",
    "watched",
    "write_config",
    "write_own_target",
    "write_targets",
]

SCRAPED = {
    "console": "console",
    "pager": "pager",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
}
"""Processes of the stack with a ``/metrics`` page, and its port; NATS has none of its own."""

RETENTION_TIME = "7d"
RETENTION_SIZE = "1GB"
MAX_EXEMPLARS = 50_000

_PRODUCTION_INTERVAL_S = 15
_SCALED_INTERVAL_S = 1
_DISCOVERY_INTERVAL = "2s"


def scrape_interval_s(time_scale: float) -> int:
    """Return the seconds between two scrapes, and between two evaluations of the rules."""
    return _PRODUCTION_INTERVAL_S if time_scale == 1 else _SCALED_INTERVAL_S


def write_config(
    home: Home, ports: Mapping[str, int], *, rule_files: Sequence[Path], time_scale: float
) -> Path:
    """Write the configuration of Prometheus; returns its path."""
    path = home.prometheus / "prometheus.yml"
    config = _config(home, ports, rule_files, scrape_interval_s(time_scale))
    write_atomic(path, yaml.safe_dump(config, sort_keys=False))
    return path


def write_targets(home: Home, pages: Mapping[str, int]) -> None:
    """Have processes of the stack scraped on the ports of *pages*, and nothing of an earlier start."""
    for stale in home.targets.glob("*.json"):
        stale.unlink()
    for name, port in pages.items():
        _write_target(home, name, port, labels={SERVICE_LABEL: name})


def watched(home: Home) -> set[str]:
    """Return the services that have a target and are expected to answer."""
    files = [json.loads(path.read_bytes()) for path in home.targets.glob("*.json")]
    labels = [group["labels"] for groups in files for group in groups]
    return {each[SERVICE_LABEL] for each in labels if SERVICE_LABEL in each}


def _config(home: Home, ports: Mapping[str, int], rule_files: Sequence[Path], interval_s: int) -> Any:
    return {
        "global": {
            "scrape_interval": f"{interval_s}s",
            "scrape_timeout": f"{min(interval_s, 10)}s",
            "evaluation_interval": f"{interval_s}s",
        },
        "storage": {"exemplars": {"max_exemplars": MAX_EXEMPLARS}},
        "rule_files": [str(path) for path in rule_files],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"{LOOPBACK}:{ports['alertmanager']}"]}]}]
        },
        "scrape_configs": [
            {
                "job_name": "obskit",
                # The pages of the services carry service_name themselves.
                "honor_labels": True,
                "file_sd_configs": [
                    {"files": [str(home.targets / "*.json")], "refresh_interval": _DISCOVERY_INTERVAL}
                ],
            }
        ],
    }


def add_target(home: Home, name: str, port: int) -> None:
    """Let the running Prometheus scrape *port* from now on, for a process that comes and goes.

    ``up`` of such a target has no ``service_name``, so its end is no outage to the rules.
    Its other series have the one that is on its page.
    """
    _write_target(home, name, port, labels={})


def write_own_target(home: Home, name: str, addresses: Sequence[str], metrics: str) -> None:
    """Have Prometheus scrape the page *metrics* of somebody's service at each of *addresses*."""
    groups = [
        {
            "targets": [_host_and_port(address)],
            "labels": {
                SERVICE_LABEL: name,
                "__metrics_path__": metrics,
                "__scheme__": urlsplit(address).scheme,
            },
        }
        for address in addresses
    ]
    write_atomic(home.targets / f"{name}.json", json.dumps(groups))


def _host_and_port(address: str) -> str:
    parts = urlsplit(address)
    # Go tries ::1 first for this name, where few development servers listen.
    host = LOOPBACK if parts.hostname == "localhost" else str(parts.hostname)
    number = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


def remove_target(home: Home, name: str) -> None:
    """End what :func:`add_target` began; does nothing when there is no such target."""
    (home.targets / f"{name}.json").unlink(missing_ok=True)


def _write_target(home: Home, name: str, port: int, *, labels: Mapping[str, str]) -> None:
    groups = [{"targets": [f"{LOOPBACK}:{port}"], "labels": dict(labels)}]
    write_atomic(home.targets / f"{name}.json", json.dumps(groups))


def command(
    program: str, home: Home, config: Path, port: int, *, is_written_to: bool = False
) -> tuple[str, ...]:
    """Return the command line of Prometheus; the same for 2.42 and every 3.x.

    With *is_written_to* others may write samples to it.
    """
    return (
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={home.prometheus / 'data'}",
        f"--storage.tsdb.retention.time={RETENTION_TIME}",
        f"--storage.tsdb.retention.size={RETENTION_SIZE}",
        f"--web.listen-address={LOOPBACK}:{port}",
        f"--web.external-url=http://{LOOPBACK}:{port}",  # else links name this machine
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
        *(("--web.enable-remote-write-receiver",) if is_written_to else ()),
    )

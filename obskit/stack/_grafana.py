"""Runs a Loki or a Tempo of this machine with the configuration of the containers, moved to the home folder."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from obskit._assets import asset
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._ports import LOOPBACK
from obskit.stack._specs import Probe, ProcessSpec

__all__ = ["loki_spec", "tempo_spec"]

_LEAST_HOURS = 24
"""Loki keeps whole tables of a day."""


def loki_spec(home: Home, program: str, ports: Mapping[str, int], keep_days: float) -> ProcessSpec:
    """Write Loki's configuration and return the process."""
    data = home.root / "loki"
    config = _moved(_shipped("loki"), "/loki", data)
    config["server"] |= _server(ports, "loki")
    config["limits_config"] |= {
        "retention_period": _hours(keep_days),
        # The shipper sends what the services wrote, whenever that was and however long it is.
        "reject_old_samples": False,
        "max_line_size": "4MB",
        "ingestion_rate_mb": 64,
        "ingestion_burst_size_mb": 128,
        "per_stream_rate_limit": "64MB",
        "per_stream_rate_limit_burst": "128MB",
    }
    return _spec("loki", program, data, config, ports)


def tempo_spec(home: Home, program: str, ports: Mapping[str, int], keep_days: float) -> ProcessSpec:
    """Write Tempo's configuration and return the process; it takes spans on the port otlp."""
    data = home.root / "tempo"
    config = _moved(_shipped("tempo"), "/var/tempo", data)
    config["server"] |= _server(ports, "tempo")
    config["distributor"]["receivers"]["otlp"]["protocols"] = {
        "http": {"endpoint": f"{LOOPBACK}:{ports['otlp']}"}
    }
    config["metrics_generator"]["storage"]["remote_write"][0]["url"] = (
        f"http://{LOOPBACK}:{ports['prometheus']}/api/v1/write"
    )
    config["overrides"]["defaults"]["compaction"]["block_retention"] = _hours(keep_days)
    config |= {
        # Their defaults are below /var/tempo.
        "live_store": {
            "wal": {"path": str(data / "live-store")},
            "shutdown_marker_dir": str(data / "live-store-marker"),
        },
        "backend_scheduler": {"local_work_path": str(data / "scheduler")},
        # Else the last half minute is not searched.
        "query_frontend": {"query_end_cutoff": "0s"},
    }
    return _spec("tempo", program, data, config, ports, "otlp")


def _shipped(name: str) -> Any:
    return yaml.safe_load(asset("compose", name, f"{name}.yaml").read_text("utf-8"))


def _moved(value: Any, prefix: str, data: Path) -> Any:
    """Return *value* with the paths of the container below *data*."""
    if isinstance(value, dict):
        return {key: _moved(content, prefix, data) for key, content in value.items()}
    if isinstance(value, list):
        return [_moved(content, prefix, data) for content in value]
    if isinstance(value, str) and (value == prefix or value.startswith(f"{prefix}/")):
        return str(data) + value.removeprefix(prefix)
    return value


def _server(ports: Mapping[str, int], name: str) -> dict[str, Any]:
    return {
        "http_listen_address": LOOPBACK,
        "http_listen_port": ports[name],
        "grpc_listen_address": LOOPBACK,
        "grpc_listen_port": ports[f"{name}-grpc"],
    }


def _hours(days: float) -> str:
    return f"{max(math.ceil(days * 24), _LEAST_HOURS)}h"


def _spec(
    name: str, program: str, data: Path, config: Any, ports: Mapping[str, int], *others: str
) -> ProcessSpec:
    data.mkdir(exist_ok=True)
    path = data / f"{name}.yaml"
    write_atomic(path, yaml.safe_dump(config, sort_keys=False))
    return ProcessSpec(
        name=name,
        argv=(program, f"-config.file={path}", "-target=all"),
        ports={each: ports[each] for each in (name, f"{name}-grpc", *others)},
        ready=Probe(ports[name], "/ready"),
        stop_grace_s=30.0,
    )

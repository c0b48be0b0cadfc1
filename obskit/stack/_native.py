"""The stack on one machine without containers: which processes, with which configuration."""

from collections.abc import Mapping
from pathlib import Path

from obskit import rules
from obskit._assets import samples_root
from obskit.stack import _prometheus
from obskit.stack._binaries import require
from obskit.stack._files import write_atomic
from obskit.stack._home import Home
from obskit.stack._identity import Identity
from obskit.stack._launch import python_module
from obskit.stack._ports import LOOPBACK
from obskit.stack._specs import KEEPER, Plan, Probe, ProcessSpec

__all__ = ["native_plan"]

ALERTMANAGER_RETENTION = "120h"
NATS_MAX_BYTES = 268_435_456
"""Size that all JetStream streams may have together."""

_DRAIN_S = 2
_DEADMAN_S = 300.0
_LEAST_DEADMAN_S = 60.0  # a restart of Prometheus must not count as an outage of alerting
_UVICORN_GRACE_S = 5
_SERVICES = ("inventory", "orders", "gateway")


def native_plan(
    home: Home, *, ports: Mapping[str, int], time_scale: float = 1.0, owner: Identity | None = None
) -> Plan:
    """Write the configuration of every process into *home* and return what is to run.

    Raises:
        StackError: a program is not installed, or this installation of obskit is incomplete.
        ConfigError: the time scale is not accepted.
    """
    programs = require()
    pager_url = f"http://{LOOPBACK}:{ports['pager']}"
    written = rules.write_native(
        home.prometheus / "rules",
        factor=time_scale,
        scrape_interval_s=_prometheus.scrape_interval_s(time_scale),
        pager_url=pager_url,
        routing_key_file=home.routing_key,
        board_url=None,
    )
    config = _prometheus.write_config(home, ports, rule_files=written.rule_files, time_scale=time_scale)
    processes = (
        _keeper(home),
        _nats(home, programs["nats"], ports),
        _pager(home, ports, time_scale),
        _alertmanager(home, programs["alertmanager"], written.alertmanager, ports),
        _prometheus_server(home, programs["prometheus"], config, ports),
        _embedded(home, ports),
        *(_service(home, name, ports) for name in _SERVICES),
    )
    return Plan(processes=processes, ports=dict(ports), time_scale=time_scale, owner=owner)


def _keeper(home: Home) -> ProcessSpec:
    return ProcessSpec(name=KEEPER, argv=python_module("obskit.stack", "keep", str(home.root)))


def _nats(home: Home, program: str, ports: Mapping[str, int]) -> ProcessSpec:
    config = home.nats / "nats.conf"
    write_atomic(
        config,
        f"""\
server_name: obskit
listen: "{LOOPBACK}:{ports["nats"]}"
http: "{LOOPBACK}:{ports["nats-monitor"]}"
jetstream {{
  store_dir: "{home.nats / "data"}"
  max_file_store: {NATS_MAX_BYTES}
}}
""",
    )
    return ProcessSpec(
        name="nats",
        argv=(program, "--config", str(config)),
        ports={"nats": ports["nats"], "nats-monitor": ports["nats-monitor"]},
        ready=Probe(ports["nats-monitor"], "/healthz"),
    )


def _pager(home: Home, ports: Mapping[str, int], time_scale: float) -> ProcessSpec:
    port = ports["pager"]
    deadman_s = max(_LEAST_DEADMAN_S, _DEADMAN_S / time_scale)
    return ProcessSpec(
        name="pager",
        argv=python_module(
            "obskit.pager", "--home", str(home.root), "--port", str(port), f"--deadman-s={deadman_s:g}"
        ),
        env=_environment(home),
        ports={"pager": port},
        ready=Probe(port, "/readyz"),
        url=f"http://{LOOPBACK}:{port}/incidents",
    )


def _alertmanager(home: Home, program: str, config: Path, ports: Mapping[str, int]) -> ProcessSpec:
    port = ports["alertmanager"]
    return ProcessSpec(
        name="alertmanager",
        argv=(
            program,
            f"--config.file={config}",
            f"--storage.path={home.alertmanager}",
            f"--data.retention={ALERTMANAGER_RETENTION}",
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--web.external-url=http://{LOOPBACK}:{port}",  # else links name this machine
            "--cluster.listen-address=",  # one instance: no gossip port
            "--log.level=warn",
        ),
        ports={"alertmanager": port},
        ready=Probe(port, "/-/ready"),
        url=f"http://{LOOPBACK}:{port}",
    )


def _prometheus_server(home: Home, program: str, config: Path, ports: Mapping[str, int]) -> ProcessSpec:
    port = ports["prometheus"]
    return ProcessSpec(
        name="prometheus",
        argv=_prometheus.command(program, home, config, port),
        ports={"prometheus": port},
        ready=Probe(port, "/-/ready"),
        url=f"http://{LOOPBACK}:{port}",
    )


def _embedded(home: Home, ports: Mapping[str, int]) -> ProcessSpec:
    """Return the store of logs and traces."""
    mine = {name: ports[name] for name in ("loki", "tempo", "otlp")}
    return ProcessSpec(
        name="embedded",
        argv=python_module(
            *("obskit.embedded", "--home", str(home.root), "--log-dir", str(home.service_logs)),
            *(f"--{name}-port={port}" for name, port in mine.items()),
        ),
        # A line a push would be pushed again: only what goes wrong is worth one.
        env={**_environment(home), "OBSKIT_LOG_LEVEL": "warning"},
        ports=mine,
        ready=Probe(ports["loki"], "/ready"),
    )


def _service(home: Home, name: str, ports: Mapping[str, int]) -> ProcessSpec:
    port = ports[name]
    return ProcessSpec(
        name=name,
        argv=python_module(
            "uvicorn",
            "--factory",
            f"sample_services.{name}.app:create_app",
            f"--app-dir={samples_root()}",
            f"--host={LOOPBACK}",
            f"--port={port}",
            "--no-access-log",  # obskit writes one line a request itself
            f"--timeout-graceful-shutdown={_UVICORN_GRACE_S}",
        ),
        env={
            **_environment(home),
            "PYTHONPATH": str(samples_root()),
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{ports['otlp']}",
            "OBSKIT_DRAIN_S": str(_DRAIN_S),
            "OBSKIT_FAULTS_TOKEN_FILE": str(home.admin_token),
            "DATABASE_URL": f"sqlite+aiosqlite:///{home.data / f'{name}.db'}",
            "NATS_URL": f"nats://{LOOPBACK}:{ports['nats']}",
            **{f"{other.upper()}_URL": f"http://{LOOPBACK}:{ports[other]}" for other in _SERVICES},
        },
        ports={name: port},
        ready=Probe(port, "/readyz"),
        after=("nats",),
        url=f"http://{LOOPBACK}:{port}",
    )


def _environment(home: Home) -> dict[str, str]:
    return {
        "OBSKIT_HOME": str(home.root),
        "OBSKIT_ENVIRONMENT": "demo",
        "OBSKIT_LOG_DIR": str(home.service_logs),
        # Paging and the stores say no word about themselves to the store: they go on without it.
        "OTEL_TRACES_EXPORTER": "none",
    }

"""The stack on one machine without containers: which processes, with which configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from obskit.stack import _prometheus
from obskit.stack._binaries import require
from obskit.stack._files import write_atomic
from obskit.stack._grafana import loki_spec, tempo_spec
from obskit.stack._home import Home
from obskit.stack._identity import Identity
from obskit.stack._launch import python_module
from obskit.stack._ports import LOOPBACK
from obskit.stack._project import Project
from obskit.stack._services import refuse_taken_ports, sample_services, services_of
from obskit.stack._specs import KEEPER, SUPERVISOR, Plan, Probe, ProcessSpec
from obskit.stack._stores import Stores
from obskit.stack._watching import changing_specs, watch, with_services

__all__ = ["native_plan"]

ALERTMANAGER_RETENTION = "120h"
NATS_MAX_BYTES = 268_435_456
"""Size that all JetStream streams may have together."""

_DEADMAN_S = 300.0
_PAGER_SCALE = 10_000.0  # more would be no wait at all
_LEAST_DEADMAN_S = 60.0  # a restart of Prometheus must not count as an outage of alerting


def native_plan(  # noqa: PLR0913 - what a start is asked for, each by its name
    home: Home,
    *,
    ports: Mapping[str, int],
    time_scale: float = 1.0,
    owner: Identity | None = None,
    stores: Stores | None = None,
    project: Project | None = None,
) -> Plan:
    """Write the configuration of every process into *home* and return what is to run.

    Logs and traces go to *stores*; None is the embedded ones. The services of *project* run
    beside the sample services, or without them; None is the samples alone.

    Raises:
        StackError: a program is not installed, or this installation of obskit is incomplete.
        ConfigError: the time scale is not accepted.
    """
    programs = require()
    chosen, mine = stores or Stores.embedded(ports), project or Project()
    storing = _storing(home, ports, chosen)
    pages = {**_prometheus.SCRAPED, **_scraped(storing)}
    around = {*pages, *(spec.name for spec in storing), "nats", KEEPER}
    services = services_of(mine, ports)
    refuse_taken_ports(mine.services)
    changing = changing_specs(home, mine, services, ports, chosen.otlp, around)
    _prometheus.write_targets(home, {name: ports[port] for name, port in pages.items()})
    written = watch(home, mine, services, ports, time_scale, pages)
    stack = (
        _pager(home, ports, time_scale),
        _alertmanager(home, programs["alertmanager"], written.alertmanager, ports),
        *storing,
        _console(home, ports, chosen),
    )
    core = (
        _keeper(home),
        _nats(home, programs["nats"], ports),
        _prometheus_server(home, programs["prometheus"], written.config, ports, chosen),
        *stack,
    )
    plan = Plan(
        processes=core,
        ports=dict(ports),
        time_scale=time_scale,
        owner=owner,
        addresses=chosen.addresses,
        control_port=ports[SUPERVISOR],
    )
    return with_services(home, plan, mine, changing)


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
            *("obskit.pager", "--home", str(home.root), "--port", str(port)),
            *(f"--deadman-s={deadman_s:g}", f"--time-scale={min(time_scale, _PAGER_SCALE):g}"),
        ),
        env=_environment(home),
        ports={"pager": port},
        ready=Probe(port, "/readyz"),
        url=f"http://{LOOPBACK}:{port}/incidents",
    )


def _console(home: Home, ports: Mapping[str, int], stores: Stores) -> ProcessSpec:
    port = ports["console"]
    sources = {
        "prometheus": f"http://{LOOPBACK}:{ports['prometheus']}",
        "logs": stores.loki.address,
        "traces": stores.tempo.address,
        "alertmanager": f"http://{LOOPBACK}:{ports['alertmanager']}",
        "pager": f"http://{LOOPBACK}:{ports['pager']}",
    }
    switched = [name for service in sample_services(ports) for name in service.processes if service.is_http]
    return ProcessSpec(
        name="console",
        argv=python_module(
            *("obskit.console", "--home", str(home.root), "--port", str(port)),
            *(f"--{name}-url={address}" for name, address in sources.items()),
            *(f"--service={name}=http://{LOOPBACK}:{ports[name]}" for name in (*switched, SUPERVISOR)),
        ),
        # Looking at lines and traces must not make more of them: what goes wrong is worth a line.
        env={**_environment(home), "OBSKIT_LOG_LEVEL": "warning"},
        ports={"console": port},
        ready=Probe(port, "/readyz"),
        url=f"http://{LOOPBACK}:{port}",
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


def _prometheus_server(
    home: Home, program: str, config: Path, ports: Mapping[str, int], stores: Stores
) -> ProcessSpec:
    port = ports["prometheus"]
    # A Tempo writes the metrics that it makes from spans; ours has them on a page.
    is_written_to = stores.tempo.kind == "program"
    return ProcessSpec(
        name="prometheus",
        argv=_prometheus.command(program, home, config, port, is_written_to=is_written_to),
        ports={"prometheus": port},
        ready=Probe(port, "/-/ready"),
        url=f"http://{LOOPBACK}:{port}",
    )


def _storing(home: Home, ports: Mapping[str, int], stores: Stores) -> tuple[ProcessSpec, ...]:
    """Return what keeps logs and traces: the embedded stores, or what is in their place."""
    found: list[ProcessSpec] = []
    if stores.loki.kind == "program":
        found.append(loki_spec(home, stores.loki.program, ports, stores.keep.days))
    if stores.tempo.kind == "program":
        found.append(tempo_spec(home, stores.tempo.program, ports, stores.keep.days))
    if "embedded" in {stores.loki.kind, stores.tempo.kind}:
        found.append(_embedded(home, ports, stores))
    if stores.loki.kind != "embedded":
        found.append(_shipper(home, ports, stores))
    return tuple(found)


def _scraped(storing: Sequence[ProcessSpec]) -> dict[str, str]:
    """Return the port of each process's page; that of the trace store has its service graph."""
    return {spec.name: "tempo" if "tempo" in spec.ports else next(iter(spec.ports)) for spec in storing}


def _embedded(home: Home, ports: Mapping[str, int], stores: Stores) -> ProcessSpec:
    """Return the store of logs and traces, or of those that nothing else keeps."""
    has_logs, has_traces = stores.loki.kind == "embedded", stores.tempo.kind == "embedded"
    names = (["loki"] if has_logs else []) + (["tempo", "otlp"] if has_traces else [])
    mine = {name: ports[name] for name in names}
    return ProcessSpec(
        name="embedded",
        argv=python_module(
            *("obskit.embedded", "--home", str(home.root), "--log-dir", str(home.service_logs)),
            *(f"--{name}-port={port}" for name, port in mine.items()),
            f"--keep-days={stores.keep.days:g}",
            f"--keep-mb={stores.keep.megabytes}",
            *(() if has_logs else ("--without=logs",)),
            *(() if has_traces else ("--without=traces",)),
        ),
        # A line a push would be pushed again: only what goes wrong is worth one.
        env={**_environment(home), "OBSKIT_LOG_LEVEL": "warning"},
        ports=mine,
        ready=Probe(ports[names[0]], "/ready"),
    )


def _shipper(home: Home, ports: Mapping[str, int], stores: Stores) -> ProcessSpec:
    """Return what pushes the services' log files to a Loki."""
    port = ports["shipper"]
    return ProcessSpec(
        name="shipper",
        argv=python_module(
            *("obskit.embedded.ship", "--home", str(home.root), "--log-dir", str(home.service_logs)),
            *(f"--loki-url={stores.loki.address}", f"--port={port}"),
        ),
        env={**_environment(home), "OBSKIT_LOG_LEVEL": "warning"},
        ports={"shipper": port},
        ready=Probe(port, "/readyz"),
        after=("loki",) if stores.loki.kind == "program" else (),
    )


def _environment(home: Home) -> dict[str, str]:
    return {
        "OBSKIT_HOME": str(home.root),
        "OBSKIT_ENVIRONMENT": "demo",
        "OBSKIT_LOG_DIR": str(home.service_logs),
        # Paging and the stores say no word about themselves to the store: they go on without it.
        "OTEL_TRACES_EXPORTER": "none",
    }

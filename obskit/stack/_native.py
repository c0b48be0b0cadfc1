"""The stack on one machine without containers: which processes, with which configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from obskit import rules
from obskit._assets import samples_root
from obskit.stack import _prometheus
from obskit.stack._actors import stack_faults
from obskit.stack._binaries import require
from obskit.stack._files import write_atomic
from obskit.stack._grafana import loki_spec, tempo_spec
from obskit.stack._home import Home
from obskit.stack._identity import Identity
from obskit.stack._launch import python_module
from obskit.stack._own import own_rules, own_specs, take_in
from obskit.stack._ports import LOOPBACK
from obskit.stack._project import Project
from obskit.stack._specs import KEEPER, SUPERVISOR, Plan, Probe, ProcessSpec
from obskit.stack._stores import Stores
from obskit.stack._traefik import traefik_spec

__all__ = ["native_plan"]

ALERTMANAGER_RETENTION = "120h"
NATS_MAX_BYTES = 268_435_456
"""Size that all JetStream streams may have together."""

_DRAIN_S = 2
_DEADMAN_S = 300.0
_PAGER_SCALE = 10_000.0  # more would be no wait at all
_LEAST_DEADMAN_S = 60.0  # a restart of Prometheus must not count as an outage of alerting
_UVICORN_GRACE_S = 5
_MAIL_RATE = 200
"""Mails a second that the mail provider takes."""
_SERVICES = ("users", "payments", "inventory", "orders", "notifications", "gateway")
"""Sample services, each started from its folder and told the addresses of the others."""


_OF_SAMPLES = frozenset({"objectives.yaml"})
"""Rules that are about the sample services alone."""


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
    pager_url = f"http://{LOOPBACK}:{ports['pager']}"
    written = rules.write_native(
        home.prometheus / "rules",
        factor=time_scale,
        scrape_interval_s=_prometheus.scrape_interval_s(time_scale),
        pager_url=pager_url,
        routing_key_file=home.routing_key,
        board_url=f"http://{LOOPBACK}:{ports['console']}",
        extra=own_rules(mine),
        without=() if mine.has_samples else _OF_SAMPLES,
    )
    config = _prometheus.write_config(
        home,
        ports,
        rule_files=written.rule_files,
        time_scale=time_scale,
        storing=_scraped(storing),
        has_samples=mine.has_samples,
    )
    samples = _samples(home, programs["traefik"], ports, chosen) if mine.has_samples else ()
    stack = (
        _pager(home, ports, time_scale),
        _alertmanager(home, programs["alertmanager"], written.alertmanager, ports),
        *storing,
        _console(home, ports, chosen),
        *samples,
    )
    names = {"nats", "prometheus", *(spec.name for spec in stack)}
    watched = (*stack, *own_specs(home, mine, ports, chosen, names))
    take_in(home, mine.services)
    # What is still starting is not down: no page for that.
    prometheus = replace(
        _prometheus_server(home, programs["prometheus"], config, ports, chosen),
        at_first_after=tuple(spec.name for spec in watched),
    )
    processes = (_keeper(home), _nats(home, programs["nats"], ports), prometheus, *watched)
    return Plan(
        processes=processes,
        ports=dict(ports),
        time_scale=time_scale,
        owner=owner,
        addresses=chosen.addresses,
        faults=stack_faults(home, ports, programs, {spec.name for spec in processes}),
        control_port=ports[SUPERVISOR],
    )


def _samples(home: Home, traefik: str, ports: Mapping[str, int], stores: Stores) -> tuple[ProcessSpec, ...]:
    return (
        _provider(home, ports),
        _smtp(home, ports),
        *(_service(home, name, ports, stores) for name in _SERVICES),
        _service(home, "gateway", ports, stores, replica="gateway-2"),
        traefik_spec(home, traefik, ports),
    )


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
    return ProcessSpec(
        name="console",
        argv=python_module(
            *("obskit.console", "--home", str(home.root), "--port", str(port)),
            *(f"--{name}-url={address}" for name, address in sources.items()),
            *(
                f"--service={name}=http://{LOOPBACK}:{ports[name]}"
                for name in (*_SERVICES, "gateway-2", "provider", SUPERVISOR)
            ),
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


def _provider(home: Home, ports: Mapping[str, int]) -> ProcessSpec:
    """Return the payment provider: somebody else's, so it sends no spans and is not scraped."""
    port = ports["provider"]
    return ProcessSpec(
        name="provider",
        argv=_uvicorn("payments.provider", port),
        env={"PYTHONPATH": str(samples_root()), "OBSKIT_FAULTS_TOKEN_FILE": str(home.admin_token)},
        ports={"provider": port},
        ready=Probe(port, "/health"),
    )


def _smtp(home: Home, ports: Mapping[str, int]) -> ProcessSpec:
    """Return the mail provider: somebody else's too."""
    port = ports["smtp"]
    return ProcessSpec(
        name="smtp",
        argv=python_module("sample_services.smtp", f"--port={port}", f"--rate={_MAIL_RATE}"),
        env={"PYTHONPATH": str(samples_root()), "OBSKIT_FAULTS_TOKEN_FILE": str(home.admin_token)},
        ports={"smtp": port},
        ready=Probe(port),
    )


def _uvicorn(module: str, port: int) -> tuple[str, ...]:
    return python_module(
        "uvicorn",
        "--factory",
        f"sample_services.{module}:create_app",
        f"--app-dir={samples_root()}",
        f"--host={LOOPBACK}",
        f"--port={port}",
        "--no-access-log",  # obskit writes one line a request itself
        f"--timeout-graceful-shutdown={_UVICORN_GRACE_S}",
    )


def _service(
    home: Home, name: str, ports: Mapping[str, int], stores: Stores, replica: str | None = None
) -> ProcessSpec:
    process = replica or name
    port = ports[process]
    return ProcessSpec(
        name=process,
        argv=_uvicorn(f"{name}.app", port),
        env={
            **_environment(home),
            "PYTHONPATH": str(samples_root()),
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": stores.otlp,
            "OBSKIT_DRAIN_S": str(_DRAIN_S),
            "OBSKIT_FAULTS_TOKEN_FILE": str(home.admin_token),
            "DATABASE_URL": f"sqlite+aiosqlite:///{home.data / f'{name}.db'}",
            "NATS_URL": f"nats://{LOOPBACK}:{ports['nats']}",
            "SMTP_URL": f"smtp://{LOOPBACK}:{ports['smtp']}",
            **{
                f"{other.upper()}_URL": f"http://{LOOPBACK}:{ports[other]}"
                for other in (*_SERVICES, "provider")
            },
        },
        ports={process: port},
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

"""``obskit up``."""

from typing import Annotated

import typer

from obskit import stack
from obskit.cli import _containers, _own_services, _session
from obskit.cli._options import (
    AttachOption,
    BackendOption,
    HomeOption,
    JsonOption,
    KeepDaysOption,
    KeepMbOption,
    LokiOption,
    OtlpOption,
    PortOption,
    ProjectOption,
    SamplesOption,
    TempoOption,
    TimeScaleOption,
)
from obskit.cli._output import print_json, print_lines

__all__ = ["up"]

_INTERRUPTED = 130

Foreground = Annotated[bool, typer.Option("--foreground", help="Stay until Ctrl-C, then end everything.")]


def up(
    home: HomeOption = None,
    backend: BackendOption = "native",
    port: PortOption = [],  # noqa: B006 - typer copies it
    time_scale: TimeScaleOption = 1,
    loki: LokiOption = "",
    tempo: TempoOption = "",
    otlp: OtlpOption = "",
    keep_days: KeepDaysOption = 7,
    keep_mb: KeepMbOption = 2_000,
    attach: AttachOption = [],  # noqa: B006 - typer copies it
    project: ProjectOption = None,
    samples: SamplesOption = None,
    foreground: Foreground = False,
    as_json: JsonOption = False,
) -> None:
    """Start the stack and return when everything is ready.

    Runs NATS, Prometheus, Alertmanager, the pager and your services, or the
    sample services, in the background, and starts again what dies. Your services
    are those of obskit.toml, of [tool.obskit] in pyproject.toml, and of --attach;
    without any the samples run. Logs and traces are kept by the embedded stores,
    or by a Loki and a Tempo where they are. With --backend compose the samples
    run in containers, and Grafana, Loki and Tempo with them; the other options
    but --home and --json are for the native backend.

    \b
    Example:
      obskit up
      obskit up --attach shop=http://localhost:8000
      obskit up --project shop/obskit.toml --samples
      obskit up --time-scale 30 --port prometheus=9190
      obskit up --loki http://127.0.0.1:3100 --tempo embedded
      obskit up --foreground
      obskit up --backend compose
    """
    if backend == "compose":
        given = {
            "--port": bool(port),
            "--time-scale": time_scale != 1,
            "--loki": bool(loki),
            "--tempo": bool(tempo),
            "--otlp": bool(otlp),
            "--foreground": foreground,
            "--attach": bool(attach),
            "--project": project is not None,
            "--samples": samples is not None,
        }
        _containers.up(stack.Home.at(home), [name for name, is_given in given.items() if is_given], as_json)
        return
    chosen = stack.Home.at(home)
    if attach and stack.status(chosen).is_running:
        print_lines(*_own_services.attach(chosen, attach))
        return
    wanted = _own_services.project_of(project, attach, samples)
    ports = stack.resolve_ports(dict(map(stack.parse_port, port)))
    keep = stack.Keep(days=keep_days, megabytes=keep_mb)
    stores = stack.choose_stores(ports, loki=loki, tempo=tempo, otlp=otlp, keep=keep)
    try:
        record = _session.start(
            chosen, ports=ports, time_scale=time_scale, is_owner=foreground, stores=stores, project=wanted
        )
    except KeyboardInterrupt:
        print_lines("Interrupted. Nothing is left running.")
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        print_json(stack.status(chosen).to_json())
    else:
        print_lines(
            *("", *_session.urls(record), "", *_own_services.hints(chosen), *stores.notes),
            f"Everything it writes is in {chosen.root}",
        )
    if foreground:
        _stay(chosen)
    elif not as_json:
        print_lines("Look: obskit status   End: obskit down")


def _stay(home: stack.Home) -> None:
    print_lines("Ctrl-C ends it.")
    try:
        _session.stay(home)
    except KeyboardInterrupt:
        _session.end(home)
        print_lines("Nothing is left running.")

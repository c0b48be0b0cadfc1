"""``obskit up``."""

from collections.abc import Sequence
from typing import Annotated, Any

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
from obskit.errors import StackError

__all__ = ["up"]

_INTERRUPTED = 130

Foreground = Annotated[bool, typer.Option("--foreground", help="Stay until Ctrl-C, then end everything.")]


def up(
    context: typer.Context,
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
    """Start the stack and return when everything is ready; or apply what obskit.toml says now.

    Runs NATS, Prometheus, Alertmanager, the pager and your services, or the
    sample services, in the background, and starts again what dies. Your services
    are those of obskit.toml, of \\[tool.obskit] in pyproject.toml, and of --attach;
    without any the samples run. Logs and traces are kept by the embedded stores,
    or by a Loki and a Tempo where they are. With --backend compose the samples
    run in containers, and Grafana, Loki and Tempo with them; the other options
    but --home, --json and --time-scale are for the native backend.

    Where the stack runs already, services, rules and boards that were added to
    obskit.toml, changed or taken out there are so in the stack too; what did not
    change runs on. Where the working directory has no such file, the one counts
    that the stack runs by. obskit down NAME takes one service out. Ports, time
    scale, stores and --foreground are for the start.

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
            "--loki": bool(loki),
            "--tempo": bool(tempo),
            "--otlp": bool(otlp),
            "--keep-days": _is_typed(context, "keep_days"),
            "--keep-mb": _is_typed(context, "keep_mb"),
            "--foreground": foreground,
            "--attach": bool(attach),
            "--project": project is not None,
            "--samples": samples is not None,
        }
        named = [name for name, is_given in given.items() if is_given]
        _containers.up(stack.Home.at(home), named, time_scale, as_json)
        return
    chosen = stack.Home.at(home)
    running = stack.status(chosen)
    if running.is_watched:
        _refuse_others(running, context)
        if attach and project is None and samples is None:
            said = _own_services.attach(chosen, attach)
        else:
            said = _own_services.change(chosen, project, attach, samples)
        _say(chosen, said, as_json=as_json)
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
    said = ["", *_session.urls(record), "", *_own_services.hints(chosen), *stores.notes]
    _say(chosen, [*said, f"Everything it writes is in {chosen.root}"], as_json=as_json)
    if foreground:
        _stay(chosen)
    elif not as_json:
        print_lines("Look: obskit status   End: obskit down")


def _say(home: stack.Home, said: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json(stack.status(home).to_json())
    else:
        print_lines(*said)


def _refuse_others(running: stack.StackStatus, context: typer.Context) -> None:
    """Pass when no option asks for another start than the one that was."""
    asked: dict[str, Any] = context.params
    home = running.home
    is_other = {
        "port": any(
            running.ports.get(name) != number for name, number in map(stack.parse_port, asked["port"])
        ),
        "time_scale": _is_typed(context, "time_scale") and asked["time_scale"] != running.time_scale,
        **{name: _is_other_store(running, name, asked[name]) for name in ("loki", "tempo")},
        "otlp": asked["otlp"].rstrip("/") not in {"", stack.current_address(home, "otlp")},
        # What they are now is nowhere to be read, and their variables may be set for good.
        **{name: _is_typed(context, name) for name in ("keep_days", "keep_mb")},
        "foreground": asked["foreground"],
    }
    others = [f"--{name.replace('_', '-')}" for name, is_so in is_other.items() if is_so]
    if others:
        msg = f"The stack in {home.root} is already running, and {others[0]} is for its start."
        raise StackError(msg, fix="the same without it, to apply obskit.toml; or obskit down before")


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _is_other_store(running: stack.StackStatus, name: str, asked: str) -> bool:
    if asked != stack.EMBEDDED:
        return asked.rstrip("/") not in {"", stack.current_address(running.home, name)}
    here = f"http://{stack.LOOPBACK}:{stack.current_ports(running.home)[name]}"
    is_program = any(row.name == name for row in running.processes)
    return is_program or stack.current_address(running.home, name) != here


def _stay(home: stack.Home) -> None:
    print_lines("Ctrl-C ends it.")
    try:
        _session.stay(home)
    except KeyboardInterrupt:
        _session.end(home)
        print_lines("Nothing is left running.")

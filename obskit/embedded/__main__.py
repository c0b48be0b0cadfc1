"""``python -m obskit.embedded --home .obskit --log-dir .obskit/logs/services``: logs and traces of one machine.

One process with three listeners on loopback: Loki's API, Tempo's API, and OTLP over HTTP.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute

import obskit
from obskit._arguments import within
from obskit._typing import ASGIApp
from obskit.embedded import logs, traces
from obskit.embedded._serving import listen, serve
from obskit.errors import StackError

__all__ = ["main"]

_PORT_OPTIONS = "--loki-port, --tempo-port or --otlp-port"
_MEGABYTE = 1_000_000
_EXAMPLE = "example: python -m obskit.embedded --home .obskit --log-dir .obskit/logs/services"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the backend until it is told to stop; return the exit code."""
    options = _options(arguments)
    try:
        backends = _Backends.of(options)
        listeners = [listen(getattr(options, f"{name}_port"), _PORT_OPTIONS) for name in backends.ports]
    except StackError as error:
        print(f"{error}\n{error.fix}", file=sys.stderr)  # noqa: T201 - the log pipe is not up yet
        return 1
    # Its spans would come back to it: a store that traces itself never rests.
    obskit.init(service="embedded", version=obskit.__version__, traces_exporter="none")
    if backends.logs is not None:
        obskit.add_check("logs", backends.logs.ping)
    try:
        asyncio.run(serve(backends.applications(), listeners, backends.start))
    finally:
        backends.close()
        obskit.shutdown()
    return 0


@dataclass(frozen=True, slots=True)
class _Backends:
    """The stores that run here: both, or the one that no Loki or Tempo stands in for."""

    logs: logs.LogBackend | None
    traces: traces.TraceBackend | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "_Backends":
        max_bytes, data = options.keep_mb * _MEGABYTE, options.home / "data"
        log_backend = trace_backend = None
        if "logs" not in options.without:
            kept = logs.Retention(days=options.keep_days, max_bytes=max_bytes)
            log_backend = logs.LogBackend(data / "logs.db", options.log_dir, retention=kept)
        if "traces" not in options.without:
            keeping = traces.Retention(days=options.keep_days, max_bytes=max_bytes)
            trace_backend = traces.TraceBackend(data / "traces.db", retention=keeping)
        return cls(log_backend, trace_backend)

    @property
    def ports(self) -> list[str]:
        """The names of the ports of :meth:`applications`."""
        loki = [] if self.logs is None else ["loki"]
        tempo = [] if self.traces is None else ["tempo"]
        # Without the trace store, Tempo itself listens there.
        return [*loki, *tempo, *(["otlp"] if tempo else [])]

    def applications(self) -> list[ASGIApp]:
        made: list[ASGIApp] = []
        otlp: list[BaseRoute] = []
        if self.logs is not None:
            made.append(obskit.instrument(self.logs.loki_app()))
            otlp += self.logs.otlp_routes()
        if self.traces is not None:
            made.append(self.traces.with_metrics(obskit.instrument(self.traces.tempo_app())))
            made.append(obskit.instrument(Starlette(routes=[*self.traces.otlp_routes(), *otlp])))
        return made

    def start(self) -> None:
        if self.logs is not None:
            self.logs.start()

    def close(self) -> None:
        for backend in (self.logs, self.traces):
            if backend is not None:
                backend.close()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m obskit.embedded",
        description="Keep the logs and traces of this machine, and answer Loki's and Tempo's APIs on 127.0.0.1.",
        epilog=_EXAMPLE,
    )
    add = parser.add_argument
    add("--home", type=Path, required=True, help="folder of data/, such as .obskit")
    add("--log-dir", type=Path, help="folder whose *.jsonl files are followed")
    for name, port, what in (
        ("loki", 3100, "Loki's API"),
        ("tempo", 3200, "Tempo's API"),
        ("otlp", 4318, "OTLP/HTTP"),
    ):
        add(
            f"--{name}-port",
            type=within(int, 0, 65_535),
            default=port,
            help=f"port of {what} (default {port}; 0 takes a free one)",
        )
    add(
        "--keep-days",
        type=within(float, 0.001, 1e5),
        default=7.0,
        help="days that logs and traces are kept after they arrived (default 7)",
    )
    add(
        "--keep-mb",
        type=within(int, 1, 1e6),
        default=2_000,
        help="size of each of the two stores in MB (default 2000)",
    )
    add(
        "--without",
        choices=("logs", "traces"),
        action="append",
        default=[],
        help="leave one out: a Loki or a Tempo has its place",
    )
    found = parser.parse_args(arguments)
    if set(found.without) == {"logs", "traces"}:
        parser.error("--without logs and --without traces together leave nothing to run")
    return found


if __name__ == "__main__":
    sys.exit(main())

"""``python -m obskit.embedded --home .obskit --log-dir .obskit/logs/services``: logs and traces of one machine.

One process with three listeners on loopback: Loki's API, Tempo's API, and OTLP over HTTP.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette

import obskit
from obskit._typing import ASGIApp
from obskit.embedded import logs, traces
from obskit.errors import StackError

__all__ = ["main"]

N = TypeVar("N", int, float)

_HOST = "127.0.0.1"
_MEGABYTE = 1_000_000
_EXAMPLE = "example: python -m obskit.embedded --home .obskit --log-dir .obskit/logs/services"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the backend until it is told to stop; return the exit code."""
    options = _options(arguments)
    try:
        listeners = [_listen(port) for port in (options.loki_port, options.tempo_port, options.otlp_port)]
        log_backend = logs.LogBackend(
            options.home / "data" / "logs.db",
            options.log_dir,
            retention=logs.Retention(days=options.keep_days, max_bytes=options.keep_mb * _MEGABYTE),
        )
        trace_backend = traces.TraceBackend(options.home / "data" / "traces.db")
    except StackError as error:
        print(f"{error}\n{error.fix}", file=sys.stderr)  # noqa: T201 - the log pipe is not up yet
        return 1
    # Its spans would come back to it: a store that traces itself never rests.
    obskit.init(service="embedded", version=obskit.__version__, traces_exporter="none")
    obskit.add_check("logs", log_backend.ping)
    try:
        asyncio.run(_serve(_applications(log_backend, trace_backend), listeners, log_backend.start))
    finally:
        log_backend.close()
        trace_backend.close()
        obskit.shutdown()
    return 0


def _applications(log_backend: logs.LogBackend, trace_backend: traces.TraceBackend) -> list[ASGIApp]:
    loki, tempo = log_backend.loki_app(), trace_backend.tempo_app()
    otlp = Starlette(routes=[*trace_backend.otlp_routes(), *log_backend.otlp_routes()])
    for app in (loki, tempo, otlp):
        obskit.instrument(app)
    return [loki, trace_backend.with_metrics(tempo), otlp]


class _Server(uvicorn.Server):
    """One of three servers of a process: signals are taken for all of them together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def _serve(
    apps: Sequence[ASGIApp], listeners: Sequence[socket.socket], begin: Callable[[], None]
) -> None:
    servers = [
        _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on" if place == 0 else "off",  # one drain for the process
                ws="websockets-sansio",
                timeout_graceful_shutdown=5,
            )
        )
        for place, app in enumerate(apps)
    ]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop)
    await asyncio.to_thread(begin)
    await asyncio.gather(
        *(server.serve(sockets=[listener]) for server, listener in zip(servers, listeners, strict=True))
    )


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
            type=_within(int, 0, 65_535),
            default=port,
            help=f"port of {what} (default {port}; 0 takes a free one)",
        )
    add(
        "--keep-days",
        type=_within(float, 0.001, 1e5),
        default=7.0,
        help="days that logs are kept (default 7)",
    )
    add(
        "--keep-mb",
        type=_within(int, 1, 1e6),
        default=2_000,
        help="size of the log store in MB (default 2000)",
    )
    return parser.parse_args(arguments)


def _within(kind: Callable[[str], N], least: float, most: float) -> Callable[[str], N]:
    def parse(text: str) -> N:
        number = kind(text)
        if not least <= float(number) <= most:
            raise ValueError(text)
        return number

    parse.__name__ = f"number from {least:g} to {most:g}"  # argparse: "invalid number from ... value"
    return parse


def _listen(port: int) -> socket.socket:
    # Named TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        fix = (
            "Stop the program that uses it, or choose another with --loki-port, --tempo-port or --otlp-port."
        )
        msg = f"Port {port} on {_HOST} cannot be used: {error.strerror}."
        raise StackError(msg, fix=fix) from error
    return listener


if __name__ == "__main__":
    sys.exit(main())

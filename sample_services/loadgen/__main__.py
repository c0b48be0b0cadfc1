"""The command line: ``python -m sample_services.loadgen --rate 40 --duration 30``."""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import httpx
import uvicorn
import uvloop
from starlette.applications import Starlette

import obskit
from sample_services.loadgen.generator import Generator, Plan
from sample_services.loadgen.schedule import MODES
from sample_services.settings import VERSION

_TIMEOUT_S = 10.0
_GRACE_S = 0.8
_MAX_RATE = 2000
_EXAMPLE = "example: python -m sample_services.loadgen --rate 40 --duration 30 --mode both --seed 1"


class _MetricsServer(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()  # SIGTERM ends the load, and that ends the server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load generator and return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        try:
            listening = stack.enter_context(socket.create_server((options.host, options.port)))
        except OSError as error:
            parser.error(
                f"--port {options.port} cannot be used ({error.strerror}); choose another, or 0 for any."
            )
        try:
            # Line buffered: whoever reads it while the load runs sees whole lines.
            file = stack.enter_context(options.orders_file.open("w", buffering=1, encoding="utf-8"))
        except OSError as error:
            parser.error(f"--orders-file {options.orders_file} cannot be written ({error.strerror}).")
        summary = _observed_run(_plan(options), listening, file)
    sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    return 0


def _observed_run(plan: Plan, listening: socket.socket, orders_file: TextIO) -> dict[str, Any]:
    # Only the summary goes to stdout; log lines go to OBSKIT_LOG_DIR if it is set.
    obskit.init(service="loadgen", version=VERSION, log_format="none", drain_s=0.0, shutdown_s=0.5)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        generator = runner.run(_run(plan, listening, lambda order_id: orders_file.write(f"{order_id}\n")))
    obskit.shutdown()
    return generator.summary()


async def _run(plan: Plan, listening: socket.socket, accepted: Callable[[str], object]) -> Generator:
    limits = httpx.Limits(max_connections=plan.max_in_flight, keepalive_expiry=2.0)
    client = obskit.instrument(
        httpx.AsyncClient(base_url=plan.url, timeout=_TIMEOUT_S, limits=limits, trust_env=False)
    )
    generator = Generator(plan, client, accepted)
    async with client, _metrics(listening):
        sending = asyncio.create_task(generator.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
        await asyncio.wait([sending])
        await generator.finish(_GRACE_S if sending.cancelled() else _TIMEOUT_S)
    if not sending.cancelled():
        sending.result()
    return generator


@asynccontextmanager
async def _metrics(listening: socket.socket) -> AsyncIterator[None]:
    app = obskit.instrument(Starlette())
    server = _MetricsServer(uvicorn.Config(app, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        url=options.url.rstrip("/"),
        rate=options.rate,
        duration_s=options.duration,
        modes=MODES if options.mode == "both" else (options.mode,),
        seed=options.seed,
        max_in_flight=options.max_in_flight,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sample_services.loadgen",
        description="Send orders on a schedule that answers cannot slow down; print what came of it as JSON.",
        epilog=_EXAMPLE,
    )
    add = parser.add_argument
    add("--url", type=_url, default="http://127.0.0.1:8081", help="the gateway (default: %(default)s)")
    add("--rate", type=_rate, default=40.0, help="orders a second, all modes together (default: %(default)g)")
    add("--duration", type=_duration, default=30.0, help="seconds; 0 until SIGTERM (default: %(default)g)")
    add(
        "--mode",
        choices=["both", *MODES],
        default="both",
        help="how orders are placed (default: %(default)s)",
    )
    add("--seed", type=int, default=1, help="the same seed sends the same orders (default: %(default)s)")
    add("--host", default="127.0.0.1", help="address of /metrics; 0.0.0.0 inside a container only")
    add("--port", type=_port, default=8190, help="port of /metrics; 0 for any (default: %(default)s)")
    add(
        "--orders-file",
        type=Path,
        default=Path(os.devnull),
        help="write the id of each order accepted in async mode, one a line",
    )
    add(
        "--max-in-flight",
        type=_count,
        default=512,
        help="orders that may wait at once (default: %(default)s)",
    )
    return parser


def _url(value: str) -> str:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise argparse.ArgumentTypeError(
            _refusal(value, "an address such as http://127.0.0.1:8081")
        ) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise argparse.ArgumentTypeError(_refusal(value, "an address such as http://127.0.0.1:8081"))
    return value


def _number(value: str, least: float, most: float, accepted: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(_refusal(value, accepted))
    return number


def _rate(value: str) -> float:
    return _number(value, 0.1, _MAX_RATE, f"a number of orders a second, 0.1 to {_MAX_RATE}")


def _duration(value: str) -> float:
    return _number(value, 0.0, 7 * 24 * 3600, "a number of seconds, 0 (until SIGTERM) to a week")


def _port(value: str) -> int:
    return int(_number(value, 0, 65535, "a port, 0 to 65535"))


def _count(value: str) -> int:
    return int(_number(value, 1, 10_000, "a number of orders, 1 to 10000"))


def _refusal(value: str, accepted: str) -> str:
    return f"{value!r} is not accepted; use {accepted}."


if __name__ == "__main__":
    sys.exit(main())

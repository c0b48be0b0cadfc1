"""The command line: ``python -m sample_services.loadgen --rate 40 --duration 30``."""

import argparse
import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TextIO

import httpx
import uvloop

import obskit
from sample_services.loadgen.compare import compare
from sample_services.loadgen.generator import Generator, Plan
from sample_services.loadgen.options import parser, rate_of, weights_of
from sample_services.loadgen.page import serving_on
from sample_services.loadgen.session import Credentials, LoginError, Session, no_cookies
from sample_services.settings import VERSION

_TIMEOUT_S = 10.0
_GRACE_S = 0.8
_SCRAPED_S = 20.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load generator and return the exit code."""
    parsing = parser()
    options = parsing.parse_args(arguments)
    plan = _plan(options)
    if options.duration == 0 and plan.rate.first != plan.rate.last:
        parsing.error("--rate A..B needs a --duration; over that time the rate goes from A to B.")
    if options.anonymous and "login" in plan.journeys:
        parsing.error("--anonymous logs nobody in; leave it out, or leave out the journey login.")
    with ExitStack() as stack:
        listening, file = _opened(parsing, options, stack)
        try:
            summary = _observed_run(options, plan, listening, file)
        except LoginError as error:
            parsing.error(str(error))
    sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    return 0


def _opened(
    parsing: argparse.ArgumentParser, options: argparse.Namespace, stack: ExitStack
) -> tuple[socket.socket, TextIO]:
    try:
        listening = stack.enter_context(socket.create_server((options.host, options.port)))
    except OSError as error:
        parsing.error(
            f"--port {options.port} cannot be used ({error.strerror}); choose another, or 0 for any."
        )
    try:
        # Line buffered: whoever reads it while the load runs sees whole lines.
        file = stack.enter_context(options.orders_file.open("w", buffering=1, encoding="utf-8"))
    except OSError as error:
        parsing.error(f"--orders-file {options.orders_file} cannot be written ({error.strerror}).")
    return listening, file


def _observed_run(
    options: argparse.Namespace, plan: Plan, listening: socket.socket, orders_file: TextIO
) -> dict[str, Any]:
    credentials = None if options.anonymous else Credentials.read(options.passwords, options.user)
    # Only the summary goes to stdout; log lines go to OBSKIT_LOG_DIR if it is set.
    obskit.init(service="loadgen", version=VERSION, log_format="none", drain_s=0.0, shutdown_s=0.5)

    def accepted(order_id: str) -> None:
        orders_file.write(f"{order_id}\n")

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(options, plan, listening, credentials, accepted))
    finally:
        obskit.shutdown()


async def _run(
    options: argparse.Namespace,
    plan: Plan,
    listening: socket.socket,
    credentials: Credentials | None,
    accepted: Callable[[str], object],
) -> dict[str, Any]:
    client = _client(plan)
    session = Session(client, credentials)
    generator = Generator(plan, client, session, accepted)
    async with client, serving_on(listening), session.running():
        sending = asyncio.create_task(generator.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, sending.cancel)
        await asyncio.wait([sending])
        await generator.finish(_GRACE_S if sending.cancelled() else _TIMEOUT_S)
        summary = generator.summary()
        if options.prometheus and not sending.cancelled():
            summary["prometheus"] = await compare(options.prometheus, generator.tallies, timeout_s=_SCRAPED_S)
    if not sending.cancelled():
        sending.result()
    return summary


def _client(plan: Plan) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=plan.max_in_flight, keepalive_expiry=2.0)
    client = httpx.AsyncClient(
        base_url=plan.url, timeout=_TIMEOUT_S, limits=limits, trust_env=False, cookies=no_cookies()
    )
    return obskit.instrument(client)


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        url=options.url,
        rate=rate_of(options),
        duration_s=options.duration,
        journeys=weights_of(options),
        seed=options.seed,
        max_in_flight=options.max_in_flight,
    )


if __name__ == "__main__":
    sys.exit(main())

"""The command line: ``python -m sample_services.abuse client-flood --level 50``."""

import argparse
import asyncio
import ipaddress
import json
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from sample_services.abuse.abuser import Abuser, client
from sample_services.abuse.patterns import PATTERNS, NothingToAbuseError, Secrets

_MOST_S = 3600.0
_FULL = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Do harm until the time is over or until SIGTERM, print what came of it as JSON, and return the exit code."""
    parsing = _parser()
    options = parsing.parse_args(arguments)
    pattern = PATTERNS[options.pattern]
    chance = random.Random(options.seed)  # noqa: S311 - repeatable on purpose
    try:
        once = pattern.make(Secrets(options.secrets), chance)
    except NothingToAbuseError as error:
        parsing.error(str(error))
    rate = pattern.rate * options.level / _FULL
    abuser = Abuser(once, rate=rate, duration_s=options.max_s)
    asyncio.run(_run(abuser, options.url, options.ca))
    summary = {"pattern": options.pattern, "rate": rate, "answers": dict(abuser.answers)}
    sys.stdout.write(f"{json.dumps(summary)}\n")
    return 0


async def _run(abuser: Abuser, url: str, ca: Path | None) -> None:
    async with client(url, ca) as caller:
        abusing = asyncio.create_task(abuser.run(caller))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, abusing.cancel)
        await asyncio.wait([abusing])
    if not abusing.cancelled():
        abusing.result()


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m sample_services.abuse",
        description="Call the sample services as an abuser does, within bounds, on this machine only.",
        epilog="example: python -m sample_services.abuse random-url-scanner --level 50 --max-s 30",
    )
    home = Path(os.environ.get("OBSKIT_HOME") or ".obskit")
    add = made.add_argument
    add("pattern", choices=[*PATTERNS])
    add("--level", type=_level, default=_FULL, help="percent of the pattern's rate (default: %(default)s)")
    add("--max-s", type=_seconds, default=1800.0, help="ends by itself after so long (default: %(default)g)")
    add("--url", type=_url, default="https://127.0.0.1:8443", help="the door (default: %(default)s)")
    add("--ca", type=Path, help="the certificate to trust (default: those of the system)")
    add("--secrets", type=Path, default=home / "secrets", help="what was stolen (default: %(default)s)")
    add("--seed", type=int, default=1, help="the same seed tries the same paths (default: %(default)s)")
    return made


def _level(value: str) -> int:
    if value.isascii() and value.isdigit() and 1 <= int(value) <= _FULL:
        return int(value)
    msg = f"{value!r} is not accepted; use a number of percent, 1 to {_FULL}."
    raise argparse.ArgumentTypeError(msg)


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= _MOST_S:
        msg = f"{value!r} is not accepted; use seconds, up to {_MOST_S:g}."
        raise argparse.ArgumentTypeError(msg)
    return number


def _url(value: str) -> str:
    accepted = "an address of this machine, such as https://127.0.0.1:8443"
    try:
        url = httpx.URL(value)
        is_here = url.host == "localhost" or ipaddress.ip_address(url.host).is_loopback
    except (httpx.InvalidURL, ValueError):
        is_here = False
    if not is_here:
        msg = f"{value!r} is not accepted; use {accepted}."
        raise argparse.ArgumentTypeError(msg)
    return value.rstrip("/")


if __name__ == "__main__":
    sys.exit(main())

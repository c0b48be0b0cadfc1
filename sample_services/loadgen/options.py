"""What the load generator's command line takes."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args

import httpx

from sample_services.loadgen.journeys import BOTH, FAULTS, MIX, Journey
from sample_services.loadgen.schedule import Rate

__all__ = ["parser", "rate_of", "weights_of"]

_MAX_RATE = 2000
_MAX_WEIGHT = 1000
_MODES: Mapping[str, Mapping[Journey, int]] = {
    "both": BOTH,
    "sync": {"sync": 1},
    "async": {"async": 1},
    "mix": MIX,
    "faults": FAULTS,
}
_ADDRESS = "an address such as http://127.0.0.1:8080"
_EXAMPLE = "example: python -m sample_services.loadgen --rate 10..80 --duration 60 --journeys sync=1,browse=4"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m sample_services.loadgen",
        description="Send calls on a schedule that answers cannot slow down; print what came of it as JSON.",
        epilog=_EXAMPLE,
    )
    _what(made)
    _who(made)
    _where(made)
    return made


def rate_of(options: argparse.Namespace) -> Rate:
    """Return the rate; a ramp takes the whole duration."""
    first, last = options.rate
    return Rate(first, last, options.duration if first != last else 0.0)


def weights_of(options: argparse.Namespace) -> Mapping[Journey, int]:
    """Return the journeys with their weights."""
    return cast("Mapping[Journey, int]", options.journeys or _MODES[options.mode])


def _what(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--rate", type=_rate, default="40", help="calls a second, or a ramp such as 10..80 (default: 40)")
    add("--duration", type=_duration, default=30.0, help="seconds; 0 until SIGTERM (default: %(default)g)")
    add(
        "--mode",
        choices=[*_MODES],
        default="both",
        help="orders sync, async or both in turn; a mix of journeys; or the mix that faults are shown with",
    )
    add("--journeys", type=_journeys, help=f"weights, such as sync=4,browse=8; of {_names()}")
    add("--seed", type=int, default=1, help="the same seed sends the same calls (default: %(default)s)")
    add(
        "--max-in-flight",
        type=_count,
        default=512,
        help="calls that may wait at once (default: %(default)s)",
    )


def _who(made: argparse.ArgumentParser) -> None:
    home = Path(os.environ.get("OBSKIT_HOME") or ".obskit")
    add = made.add_argument
    add("--user", default="loadgen", help="who the calls are made by (default: %(default)s)")
    add(
        "--passwords",
        type=Path,
        default=home / "secrets" / "demo_users.json",
        help="the file that the users service keeps (default: %(default)s)",
    )
    add("--anonymous", action="store_true", help="log nobody in, for a gateway that asks for no token")


def _where(made: argparse.ArgumentParser) -> None:
    add = made.add_argument
    add("--url", type=_url, default="http://127.0.0.1:8080", help="the door (default: %(default)s)")
    add("--host", default="127.0.0.1", help="address of /metrics; 0.0.0.0 inside a container only")
    add("--port", type=_port, default=8190, help="port of /metrics; 0 for any (default: %(default)s)")
    add(
        "--orders-file",
        type=Path,
        default=Path(os.devnull),
        help="write the id of each order accepted in async mode, one a line",
    )
    add("--prometheus", type=_url, help="compare with this Prometheus, which scrapes --port")


def _names() -> str:
    return ", ".join(get_args(Journey))


def _journeys(value: str) -> dict[str, int]:
    weights: dict[str, int] = {}
    for part in value.split(","):
        name, _, weight = part.strip().partition("=")
        if name not in get_args(Journey) or name in weights:
            raise argparse.ArgumentTypeError(_refusal(value, f"name=weight of {_names()}, each once"))
        weights[name] = int(_number(weight or "1", 1, _MAX_WEIGHT, f"weights from 1 to {_MAX_WEIGHT}"))
    return weights


def _url(value: str) -> str:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise argparse.ArgumentTypeError(_refusal(value, _ADDRESS)) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise argparse.ArgumentTypeError(_refusal(value, _ADDRESS))
    return value.rstrip("/")


def _number(value: str, least: float, most: float, accepted: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(_refusal(value, accepted))
    return number


def _rate(value: str) -> tuple[float, float]:
    accepted = f"a number of calls a second, 0.1 to {_MAX_RATE}, or two of them as A..B"
    first, ramp, last = value.partition("..")
    numbers = [_number(text, 0.1, _MAX_RATE, accepted) for text in (first, last if ramp else first)]
    return numbers[0], numbers[1]


def _duration(value: str) -> float:
    return _number(value, 0.0, 7 * 24 * 3600, "a number of seconds, 0 (until SIGTERM) to a week")


def _port(value: str) -> int:
    return int(_number(value, 0, 65535, "a port, 0 to 65535"))


def _count(value: str) -> int:
    return int(_number(value, 1, 10_000, "a number of calls, 1 to 10000"))


def _refusal(value: str, accepted: str) -> str:
    return f"{value!r} is not accepted; use {accepted}."

"""``python -m obskit.embedded.ship --home .obskit --log-dir .obskit/logs/services --loki-url URL``: logs to a Loki."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette

import obskit
from obskit.embedded import logs
from obskit.embedded._serving import listen, serve
from obskit.errors import StackError

__all__ = ["main"]

_EXAMPLE = (
    "example: python -m obskit.embedded.ship --home .obskit --log-dir .obskit/logs/services "
    "--loki-url http://127.0.0.1:3100"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Push the lines of the log files to a Loki until told to stop; return the exit code."""
    options = _options(arguments)
    try:
        listener = listen(options.port, "--port")
        telemetry = obskit.init(service="shipper", version=obskit.__version__, traces_exporter="none")
        shipper = logs.Shipper(
            options.home / "data" / "outbox.db", options.log_dir, options.loki_url, telemetry
        )
    except StackError as error:
        print(f"{error}\n{error.fix}", file=sys.stderr)  # noqa: T201 - the log pipe is not up yet
        return 1
    # Services go on without Loki, and so does this: it says what is wrong, and stays ready.
    obskit.add_check("loki", shipper.check, critical=False)
    try:
        asyncio.run(serve([obskit.instrument(Starlette())], [listener], shipper.start))
    finally:
        shipper.close()
        obskit.shutdown()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m obskit.embedded.ship",
        description="Follow the log files of this machine and push their lines to a Loki, each once.",
        epilog=_EXAMPLE,
    )
    add = parser.add_argument
    add("--home", type=Path, required=True, help="folder of data/, such as .obskit")
    add("--log-dir", type=Path, required=True, help="folder whose *.jsonl files are followed")
    add("--loki-url", type=_address, required=True, help="address of Loki, such as http://127.0.0.1:3100")
    add(
        "--port",
        type=int,
        default=3101,
        help="port of /metrics and /readyz (default 3101; 0 takes a free one)",
    )
    return parser.parse_args(arguments)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(text)
    return text.rstrip("/")


_address.__name__ = "address"  # argparse: "invalid address value"


if __name__ == "__main__":
    sys.exit(main())

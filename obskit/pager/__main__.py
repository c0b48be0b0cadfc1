"""``python -m obskit.pager --home .obskit``: the pager as a process of its own.

Paging must not hang on any other part of the stack, so nothing else runs in here.
"""

import argparse
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

import obskit
from obskit._arguments import within
from obskit.errors import StackError
from obskit.pager import PagerConfig, PagerSettings, Retention, Store, create_app, load_config

__all__ = ["main"]

_HOST = "127.0.0.1"
_KEY_LENGTH = 32
_CONNECTIONS = 1_000
_CONFIG = "pager.yaml"
_MAKE = "obskit up"
_EXAMPLE = "example: python -m obskit.pager --home .obskit --port 8601 --fail 500,429"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pager until it is told to stop; return the exit code."""
    options = _options(arguments)
    try:
        listener = _listen(options.host, options.port)
        settings = _settings(options, listener.getsockname()[1])
        config = load_config(_config_file(options))
        store = Store(options.home / "data" / "pager.db")
    except StackError as error:
        print(f"{error}\n{error.fix}", file=sys.stderr)  # noqa: T201 - the log pipe is not up yet
        return 1
    return _serve(store, settings, config, options.time_scale, listener)


def _serve(
    store: Store, settings: PagerSettings, config: PagerConfig, scale: float, listener: socket.socket
) -> int:
    telemetry = obskit.init(service="pager", version=obskit.__version__)
    policy = config.policy.scaled(scale)
    app = create_app(store, settings, notifiers=config.notifiers, policy=policy, metrics=telemetry.metrics)
    obskit.instrument(app)
    obskit.add_check("store", app.state.pager.ping)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
    )
    with suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on after it has closed everything
        server.run(sockets=[listener])
    return 0 if server.started else 1


def _config_file(options: argparse.Namespace) -> Path | None:
    if options.config is not None:
        return Path(options.config)
    usual = Path(options.home) / _CONFIG
    return usual if usual.exists() else None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m obskit.pager", description="Run the pager.", epilog=_EXAMPLE)
    add = parser.add_argument
    add("--home", type=Path, required=True, help="folder of secrets/ and data/, such as .obskit")
    add(
        "--host",
        default=_HOST,
        help="address to listen on (default 127.0.0.1); inside a container 0.0.0.0, published on loopback",
    )
    add("--port", type=within(int, 0, 65_535), default=8601, help="port (default 8601; 0 takes a free one)")
    add("--config", type=Path, help="who is told how (default HOME/pager.yaml where there is one)")
    add(
        "--time-scale",
        type=within(float, 1, 1e4),
        default=1.0,
        help="waits of the escalation are divided by it (default 1)",
    )
    add("--base-url", help="address that links name (default http://127.0.0.1:PORT)")
    add(
        "--deadman-s",
        type=within(float, 0.1, 1e6),
        default=300.0,
        help="seconds without Watchdog (default 300)",
    )
    add(
        "--keep-days",
        type=within(float, 0, 1e5),
        default=90.0,
        help="days of resolved incidents (default 90)",
    )
    add("--keep", type=within(int, 1, 1e7), default=10_000, help="incidents that are kept (default 10000)")
    add("--keep-mb", type=within(int, 1, 1e6), default=512, help="size of the store in MB (default 512)")
    add("--events-per-s", type=within(float, 0.1, 1e6), default=1e3, help="more answers 429 (default 1000)")
    add("--fail", type=_statuses, default=(), metavar="STATUSES", help="answers to the first events")
    return parser.parse_args(arguments)


def _statuses(text: str) -> tuple[int, ...]:
    statuses = tuple(int(part) for part in text.split(","))
    if not all(400 <= status <= 599 for status in statuses):  # noqa: PLR2004 - HTTP's errors
        raise ValueError(text)
    return statuses


_statuses.__name__ = "list of HTTP error statuses"  # argparse: "invalid list of ... value"


def _settings(options: argparse.Namespace, port: int) -> PagerSettings:
    key = _secret(options.home, "routing_key")
    if len(key) != _KEY_LENGTH or not key.isalnum():
        msg = (
            f"The routing key in {options.home}/secrets/routing_key is not {_KEY_LENGTH} letters and digits."
        )
        raise StackError(msg, fix=f"Remove the file and run: {_MAKE}")
    return PagerSettings(
        routing_key=key,
        admin_token=_secret(options.home, "admin_token"),
        base_url=(options.base_url or f"http://{_HOST}:{port}").rstrip("/"),
        deadman_s=options.deadman_s,
        events_per_s=options.events_per_s,
        fail=options.fail,
        retention=Retention(
            days=options.keep_days, incidents=options.keep, max_bytes=options.keep_mb * 1_000_000
        ),
    )


def _secret(home: Path, name: str) -> str:
    path = home / "secrets" / name
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The secret {path} cannot be read: {type(error).__name__}."
        raise StackError(msg, fix=f"Let obskit make it: {_MAKE}") from error
    if not secret:
        msg = f"The secret {path} is empty."
        raise StackError(msg, fix=f"Remove the file and run: {_MAKE}")
    return secret


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        fix = "Stop the program that uses it, or choose another with --port."
        msg = f"Port {port} on {host} cannot be used: {error.strerror}."
        raise StackError(msg, fix=fix) from error
    return listener


if __name__ == "__main__":
    sys.exit(main())

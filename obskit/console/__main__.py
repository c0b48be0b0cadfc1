"""``python -m obskit.console --home .obskit``: the console on http://127.0.0.1:8600."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from obskit.console._sources import Urls

__all__ = ["main"]

_HOST = "127.0.0.1"
_GRACE_S = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console until it is told to stop; return the exit code."""
    options = _options(arguments)
    path = options.home / "secrets" / "admin_token"
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = f"The secret {path} cannot be read ({type(error).__name__}). Let obskit make it: obskit up"
        print(reason, file=sys.stderr)  # noqa: T201 - the log pipe is not up yet
        return 1
    # NiceGUI reads this when it is imported, and would write into the working directory.
    os.environ["NICEGUI_STORAGE_PATH"] = str(options.home / "data" / "console")
    _serve(options, token)
    return 0


def _serve(options: argparse.Namespace, token: str) -> None:
    import uvicorn
    from fastapi import FastAPI

    import obskit
    from obskit._assets import asset
    from obskit.console._access import Access
    from obskit.console._app import build
    from obskit.console._sources import Sources

    obskit.init(service="console", version=obskit.__version__)
    urls = Urls(
        options.prometheus_url,
        options.logs_url,
        options.traces_url,
        options.alertmanager_url,
        options.pager_url,
        dict(options.service),
    )
    app = obskit.instrument(FastAPI(openapi_url=None))
    boards = asset("dashboards", "json")
    access = Access(token)
    door = build(app, Sources(urls), boards, access, hosts=options.allow_host, home=options.home)
    with suppress(KeyboardInterrupt):  # uvicorn passes Ctrl-C on after it has closed everything
        uvicorn.run(
            door,
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
        )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m obskit.console",
        description="Show boards, logs, traces, alerts and incidents in a browser.",
        epilog="example: python -m obskit.console --home .obskit",
    )
    add = parser.add_argument
    add("--home", type=Path, required=True, help="folder of secrets/, such as .obskit")
    add("--port", type=int, default=8600, help="port on 127.0.0.1 (default 8600)")
    add("--host", default=_HOST, help="address to listen on; 0.0.0.0 inside a container only")
    add("--allow-host", action="append", default=[], metavar="NAME", help="another name that it answers to")
    urls = Urls()
    for name in ("prometheus", "logs", "traces", "alertmanager", "pager"):
        url = getattr(urls, name)
        add(f"--{name}-url", default=url, help=f"where it answers (default {url})")
    add(
        "--service",
        type=_service,
        action="append",
        default=[],
        metavar="NAME=URL",
        help="where a service answers, whose faults can be switched; may be given several times",
    )
    return parser.parse_args(arguments)


def _service(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or not url.startswith(("http://", "https://")):
        raise ValueError(text)
    return name, url.rstrip("/")


_service.__name__ = "NAME=URL"  # argparse: "invalid NAME=URL value"


if __name__ == "__main__":
    sys.exit(main())

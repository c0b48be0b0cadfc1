"""Runs a file of checks against an application in this process, or against an address."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from obskit._extras import require
from obskit.errors import StackError
from obskit.testing._application import load_app, running
from obskit.testing._capture import capture
from obskit.testing.acceptance._format import load_checks
from obskit.testing.acceptance._model import Check, Result
from obskit.testing.acceptance._run import run_checks

__all__ = ["check_app", "check_url"]


def check_app(path: Path, target: str) -> list[Result]:
    """Run the checks of *path* against ``module:app``, lifespan included.

    Raises:
        ConfigError: the file or *target* cannot be used.
        StartupError: the application's lifespan failed.
    """
    checks = load_checks(path)
    with capture() as captured:
        app = load_app(target)

        async def run() -> list[Result]:
            async with running(app) as client:
                return await run_checks(checks, client, captured)

        return asyncio.run(run())


def check_url(path: Path, url: str) -> list[Result]:
    """Run the checks of *path* against a service that is up; log lines and spans stay unseen.

    Raises:
        ConfigError: the file cannot be used.
        StackError: nothing answers at *url*.
    """
    return asyncio.run(_check_url(load_checks(path), url))


async def _check_url(checks: Sequence[Check], url: str) -> list[Result]:
    httpx: Any = require("httpx", extra="stack", used_by="obskit check --url")
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        try:
            return await run_checks(checks, client, None)
        except httpx.HTTPError as error:
            msg = f"{url} does not answer ({type(error).__name__})."
            raise StackError(msg, fix="start the service, or name another address with --url") from error

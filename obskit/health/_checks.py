"""Named readiness checks, run together, each within its own time."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from obskit._typing import Check
from obskit.tracing import untraced

__all__ = ["Health"]

Report = Callable[[str, bool, str], None]
"""Called with a check's name, whether it passes, and why not."""


class _Named(NamedTuple):
    name: str
    check: Check
    timeout_s: float
    critical: bool


class Health:
    """The checks of one service and whether it is draining.

    A service without checks is ready once its application has started.
    """

    def __init__(self, report: Report) -> None:
        self.draining = False
        self.started = False
        self._report = report
        self._checks: dict[str, _Named] = {}
        self._failing: set[str] = set()

    def add(self, name: str, check: Check, *, timeout_s: float = 2.0, critical: bool = True) -> None:
        """Run *check* at each readiness request; the same name again replaces the check.

        *check* is sync or async, returns when healthy and raises when not. One that is not
        critical shows as degraded and does not take the service out of the load balancer.
        """
        self._checks[name] = _Named(name, check, timeout_s, critical)

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Run all checks and return whether traffic may come, with the state of each check."""
        with untraced():
            results = dict(await asyncio.gather(*(self._run(check) for check in self._checks.values())))
        failed = [name for name, result in results.items() if result["status"] == "failed"]
        ready = self.started and not self.draining and not failed
        state = (
            "draining"
            if self.draining
            else "starting"
            if not self.started
            else "failed"
            if failed
            else "ready"
        )
        return ready, {"status": state, "checks": results}

    async def _run(self, named: _Named) -> tuple[str, dict[str, Any]]:
        began = time.perf_counter()
        error = await _outcome(named)
        result: dict[str, Any] = {"duration_ms": round((time.perf_counter() - began) * 1e3, 3)}
        if error is None:
            result["status"] = "ok"
        else:
            # The text of an error may hold an address with its password: only the log, which redacts, has it.
            result.update(status="failed" if named.critical else "degraded", error=type(error).__name__)
        self._note(named.name, error)
        return named.name, result

    def _note(self, name: str, error: BaseException | None) -> None:
        if (error is not None) != (name in self._failing):
            self._failing ^= {name}
            self._report(name, error is None, "" if error is None else f"{type(error).__name__}: {error}")


async def _outcome(named: _Named) -> BaseException | None:
    try:
        async with asyncio.timeout(named.timeout_s):
            if inspect.iscoroutinefunction(named.check):
                await named.check()
            else:
                # A sync check may block: it gets a thread, and the time limit holds all the same.
                result = await asyncio.to_thread(named.check)
                if inspect.isawaitable(result):
                    await result
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
        return error
    return None

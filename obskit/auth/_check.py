"""One check of a token or a password: its outcome, its reason, and whether it looks like guessing."""

import time
from types import TracebackType
from typing import Self

from opentelemetry import trace

from obskit._guard import guarded
from obskit.auth._guesses import Guesses
from obskit.auth._owner import GetOwner, Owner
from obskit.auth._reasons import FAILED, OK, REASONS, Reason, reason_of
from obskit.catalog import AUTH_ATTEMPTS, AUTH_BRUTE_FORCE, AUTH_DURATION, AUTH_LOCKOUTS
from obskit.tracing import exemplar

__all__ = ["AuthCheck", "AuthMethod"]


class AuthMethod:
    """What is checked, such as ``access_token`` or ``password``; one object a name and process."""

    def __init__(self, name: str, owner: GetOwner, guesses: Guesses | None = None) -> None:
        self.name = name
        self.owner = owner
        self.guesses = guesses or Guesses()

    def declare(self, owner: Owner) -> None:
        """Show every outcome at 0 before the first: increase() does not see a counter that is born at 1."""
        owner.metrics.counter(AUTH_ATTEMPTS, self.name, OK, OK)
        for reason in REASONS:
            owner.metrics.counter(AUTH_ATTEMPTS, self.name, FAILED, reason)
        owner.metrics.counter(AUTH_LOCKOUTS, self.name)
        owner.metrics.counter(AUTH_BRUTE_FORCE, self.name)


class AuthCheck:
    """The outcome of one check; use it with ``with`` around what decides.

    The block's end is ``ok``, unless :meth:`reject` was called or the block raised. What it
    raises goes on.
    """

    def __init__(self, method: AuthMethod, subject: str | None = None) -> None:
        self._method = method
        self._subject = subject
        self._locked_out = False
        self.reason: Reason | None = None
        """Why the check failed so far, or None."""

    def reject(self, reason: Reason) -> None:
        """Say that the token or password is not accepted; the first reason stays.

        Raise, or answer, as the application does: this only records.
        """
        if self.reason is None:
            # Where a caller without a type checker says another word, its label stays bounded.
            self.reason = reason if reason in REASONS else "error"

    def lock_out(self) -> None:
        """Say that this failure locked the account or the source out."""
        self._locked_out = True

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and self.reason is None:
            if not isinstance(error, Exception):  # the caller went away: nothing was decided
                return
            self.reason = reason_of(error)
        with guarded("auth telemetry"):
            self._record(time.perf_counter() - self._started)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _record(self, duration_s: float) -> None:
        method, owner = self._method, self._method.owner()
        method.declare(owner)
        span = trace.get_current_span()
        span.set_attribute("obskit.auth.method", method.name)
        span.set_attribute("obskit.auth.reason", self.reason or OK)
        outcome = OK if self.reason is None else FAILED
        owner.metrics.histogram(AUTH_DURATION, method.name, outcome).observe(duration_s, exemplar(span))
        if self.reason is None:
            owner.metrics.counter(AUTH_ATTEMPTS, method.name, OK, OK).inc()
            if self._subject is not None:
                method.guesses.passed(self._subject)
            return
        owner.metrics.counter(AUTH_ATTEMPTS, method.name, FAILED, self.reason).inc()
        owner.pipe.emit("warning", "auth.rejected", {"method": method.name, "reason": self.reason})
        if self._locked_out:
            owner.metrics.counter(AUTH_LOCKOUTS, method.name).inc()
            owner.pipe.emit("warning", "auth.locked_out", {"method": method.name})
        if self._subject is not None and self.reason != "error" and method.guesses.failed(self._subject):
            self._suspect(owner)

    def _suspect(self, owner: Owner) -> None:
        method, guesses = self._method, self._method.guesses
        owner.metrics.counter(AUTH_BRUTE_FORCE, method.name).inc()
        fields = {"method": method.name, "failures": guesses.failures, "within_s": guesses.within_s}
        owner.pipe.emit("warning", "auth.brute_force_suspected", fields)

"""Telemetry never breaks the application.

Failures inside obskit are swallowed here and nowhere else: counted by area, reported
once per area on stderr, and re-raised under pytest so that they cannot hide.
"""

import os
import sys
from collections import Counter
from types import TracebackType

__all__ = ["failures", "guarded", "swallow"]

failures: Counter[str] = Counter()
"""Swallowed failures by area since the process started; ``/metrics`` shows them."""


def swallow(area: str, error: Exception) -> None:
    """Count *error* against *area*; the first one of an area goes to stderr, all of them to pytest."""
    failures[area] += 1
    if "PYTEST_CURRENT_TEST" in os.environ and not os.environ.get("OBSKIT_SWALLOW"):
        raise error
    if failures[area] == 1 and sys.stderr is not None:
        print(  # noqa: T201 - the log pipe may be what failed
            f"obskit: {area} failed ({type(error).__name__}: {error}); "
            "the service goes on with less telemetry, further failures are only counted.",
            file=sys.stderr,
        )


class guarded:  # noqa: N801 - reads as the verb that it is
    """Runs a block of telemetry code so that its failure stays inside obskit.

    A class and not a generator: it is on the way of every request and every statement, and
    costs a fifth so.
    """

    __slots__ = ("_area",)

    def __init__(self, area: str) -> None:
        self._area = area

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Swallow an error; what ends the process or the task goes on."""
        if not isinstance(error, Exception):
            return False
        swallow(self._area, error)
        return True

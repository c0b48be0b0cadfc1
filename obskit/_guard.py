"""Telemetry never breaks the application.

Failures inside obskit are swallowed here and nowhere else: counted by area, reported
once per area on stderr, and re-raised under pytest so that they cannot hide.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def guarded(area: str) -> Iterator[None]:
    """Run a block of telemetry code so that its failure stays inside obskit."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the one place that swallows
        swallow(area, error)

"""Finds the one record that a test asks for, or says which ones there were and how they differ."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from obskit import _setup

__all__ = ["exactly_one", "matching", "shown"]

_T = TypeVar("_T")
_MOST = 20
_LONG = 120
_NOTHING = object()


def matching(
    records: Sequence[_T], wanted: Mapping[str, Any], read: Callable[[_T, str], Any]
) -> tuple[_T, ...]:
    """Return the *records* that have every field of *wanted*; *read* gives a field or raises KeyError."""
    return tuple(record for record in records if not _differences(record, wanted, read))


def exactly_one(
    records: Sequence[_T],
    wanted: Mapping[str, Any],
    read: Callable[[_T, str], Any],
    *,
    what: str,
    describe: Callable[[_T], str],
) -> _T:
    """Return the one record that has every field of *wanted*.

    Raises:
        AssertionError: none has, or several have; the text lists what there was, nearest first.
    """
    __tracebackhide__ = True
    found = matching(records, wanted, read)
    if len(found) == 1:
        return found[0]
    asked = ", ".join(f"{name}={shown(value)}" for name, value in wanted.items()) or "no condition"
    if found:
        listed = _listed([describe(record) for record in found])
        raise AssertionError(f"{len(found)} {what}s have {asked}; one was wanted. They are:\n{listed}")  # noqa: EM102 - one long text
    if not records:
        raise AssertionError(f"no {what} has {asked}: none was captured at all.{_hint()}")  # noqa: EM102 - as above
    nearest = sorted(records, key=lambda record: len(_differences(record, wanted, read)))
    listed = _listed([_explained(record, wanted, read, describe) for record in nearest])
    raise AssertionError(f"no {what} has {asked}. Captured, nearest first:\n{listed}")  # noqa: EM102 - as above


def _differences(record: _T, wanted: Mapping[str, Any], read: Callable[[_T, str], Any]) -> dict[str, Any]:
    found = {}
    for name, value in wanted.items():
        try:
            has = read(record, name)
        except KeyError:
            has = _NOTHING
        if has is _NOTHING or has != value:
            found[name] = has
    return found


def _explained(
    record: _T,
    wanted: Mapping[str, Any],
    read: Callable[[_T, str], Any],
    describe: Callable[[_T], str],
) -> str:
    parts = [
        f"no {name}" if has is _NOTHING else f"{name} is {shown(has)}"
        for name, has in _differences(record, wanted, read).items()
    ]
    return f"{describe(record)}\n      <- {', '.join(parts)}"


def _hint() -> str:
    if _setup.current() is not None:
        return ""
    return " Telemetry is off: nothing called obskit.init(), and no instrumented application was asked."


def _listed(lines: Sequence[str]) -> str:
    more = f"\n  ... and {len(lines) - _MOST} more" if len(lines) > _MOST else ""
    return "\n".join(f"  {number}. {line}" for number, line in enumerate(lines[:_MOST], 1)) + more


def shown(value: Any) -> str:
    """Return *value* as a test would write it, cut when it is long."""
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."

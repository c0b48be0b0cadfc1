"""Writes answers as Loki does."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from obskit.embedded.logs.logql import Found, Labels, value_text

__all__ = ["matrix", "names", "scalar", "streams", "success", "vector"]

_SECOND = 1_000_000_000
_MILLISECOND = 1_000_000


def success(data: Any) -> bytes:
    """Return the body of a good answer."""
    return orjson.dumps({"status": "success", "data": data})


def names(found: Iterable[str]) -> bytes:
    """Return names of labels, or values; Loki leaves the list out when it is empty."""
    data = sorted(found)
    return success(data) if data else orjson.dumps({"status": "success"})


def _result(kind: str, result: Any, lines: int = 0) -> bytes:
    return success(
        {"resultType": kind, "result": result, "stats": {"summary": {"totalEntriesReturned": lines}}}
    )


def streams(found: Iterable[Found]) -> bytes:
    """Return lines, by their labels."""
    each: dict[Labels, list[tuple[str, str]]] = {}
    count = 0
    for ts, labels, text in found:
        each.setdefault(labels, []).append((str(ts), text))
        count += 1
    made = [{"stream": dict(labels), "values": values} for labels, values in sorted(each.items())]
    return _result("streams", made, count)


def _seconds(ts: int) -> float:
    milliseconds = ts // _MILLISECOND
    return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000


def matrix(series: Mapping[Labels, Sequence[tuple[int, float]]]) -> bytes:
    """Return series of points."""
    made = [
        {"metric": dict(labels), "values": [(_seconds(ts), value_text(value)) for ts, value in points]}
        for labels, points in sorted(series.items())
    ]
    return _result("matrix", made)


def vector(samples: Iterable[tuple[Labels, float]], at: int) -> bytes:
    """Return the samples of one moment."""
    made = [{"metric": dict(labels), "value": (_seconds(at), value_text(value))} for labels, value in samples]
    return _result("vector", made)


def scalar(value: float, at: int) -> bytes:
    """Return a number."""
    return _result("scalar", (_seconds(at), value_text(value)))

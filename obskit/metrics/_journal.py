"""Values that outlive their process: each counter writes what it holds into a file mapped into memory.

A process that is killed has no last words. Its counters are therefore written through to
memory that belongs to the kernel: one assignment of eight bytes a change, some 50 ns.
Only counters and the parts of histograms and summaries are, for a dead process has no
active requests and no memory.
"""

import itertools
import mmap
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import values
from prometheus_client.samples import Exemplar
from prometheus_client.values import MutexValue

from obskit._guard import guarded
from obskit.metrics._page import Held, Kept, Page, how_to_merge

__all__ = ["Book", "Journal", "read_journal"]

_CELLS = 4096
_BYTES = _CELLS * 8
"""Of one mapping: a multiple of every system's page size. Mappings are added, never moved."""


class Journal:
    """Two files of one process: what each cell means, one line a cell, and the cells, eight bytes each."""

    def __init__(self, stem: Path) -> None:
        self._keys = os.open(f"{stem}.keys", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file = os.open(f"{stem}.cells", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._used = 0
        self._segment: memoryview[float] | None = None

    @property
    def descriptor(self) -> int:
        """The open file to lock as long as the process lives."""
        return self._keys

    def allocate(self, key: Sequence[Any]) -> "tuple[memoryview[float], int]":
        """Return the memory and the place in it for the value that *key* describes."""
        with self._lock:
            number, at = divmod(self._used, _CELLS)
            if at == 0 or self._segment is None:
                self._segment = self._map(number)
            os.write(self._keys, orjson.dumps(key) + b"\n")
            self._used += 1
            return self._segment, at

    def _map(self, number: int) -> "memoryview[float]":
        # Written and not only made longer: a full disk is an error here, and later it would be a bus error.
        os.pwrite(self._file, bytes(_BYTES), number * _BYTES)
        return memoryview(mmap.mmap(self._file, _BYTES, offset=number * _BYTES)).cast("d")

    def note_family(self, name: str) -> None:
        """Say that the family *name* is on this registry: values of other registries are journaled too."""
        with self._lock:
            os.write(self._keys, orjson.dumps([name]) + b"\n")

    def close(self) -> None:
        """Let go of the files; the mappings go with the values that use them."""
        os.close(self._keys)
        os.close(self._file)


class _Value(MutexValue):
    """A float behind a lock, written through to the journal when there is one."""

    _multiprocess = False

    def __init__(self, key: Sequence[Any]) -> None:
        self.key = key
        self.cells: memoryview[float] | None = None
        self.at = 0
        self.begin()

    def begin(self) -> None:
        """Begin at 0, with a lock that nobody holds: a fork copies locks as they are."""
        self._value = 0.0
        self._exemplar: Exemplar | None = None
        self._lock = threading.Lock()

    def inc(self, amount: float) -> None:
        with self._lock:
            self._value += amount
            if self.cells is not None:
                self.cells[self.at] = self._value

    def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002 - the parent's signature
        with self._lock:
            self._value = value
            if self.cells is not None:
                self.cells[self.at] = value

    def write_to(self, journal: Journal | None) -> None:
        """From now on write to *journal*, beginning with what is held already."""
        # Not under the lock: making a place may collect garbage, and a collection observes a value.
        cells, at = (None, 0) if journal is None else journal.allocate(self.key)
        with self._lock:
            if cells is not None:
                cells[at] = self._value
            self.cells, self.at = cells, at


class _Set(MutexValue):
    """The value of a gauge: it remembers when it was set, for the mode ``mostrecent``."""

    set_at = 0.0

    def release(self) -> None:
        """Keep the value in a forked child, behind a lock that nobody holds."""
        self._lock = threading.Lock()

    def set(self, value: float, timestamp: float | None = None) -> None:
        with self._lock:
            self._value = value
            self.set_at = timestamp or 0.0


class Book:
    """Makes the values of the process's metrics, and knows those that a journal has to follow.

    prometheus-client asks its module ``values`` for the class of a value each time, so
    that a user's ``Counter(..., registry=obs.registry)`` gets one of these as well.
    """

    _multiprocess = False

    def __init__(self) -> None:
        self.journal: Journal | None = None
        # In the order in which they were made: a series in a journal is whole when its last bucket is there.
        self._values: weakref.WeakValueDictionary[int, _Value] = weakref.WeakValueDictionary()
        self._numbers = itertools.count()
        self._opening = threading.RLock()
        self._gauges: weakref.WeakSet[_Set] = weakref.WeakSet()
        self._replaced: Any = None

    def __call__(  # noqa: PLR0913, PLR0917 - prometheus-client's call
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Sequence[str],
        labelvalues: Sequence[str],
        help_text: str,
        **_: Any,
    ) -> MutexValue:
        """Return the value of one sample."""
        if typ == "gauge":
            gauge = _Set(typ, metric_name, name, labelnames, labelvalues, help_text)  # type: ignore[no-untyped-call]  # prometheus-client's
            self._gauges.add(gauge)
            return gauge
        value = _Value((metric_name, typ, help_text, name, list(zip(labelnames, labelvalues, strict=False))))
        with self._opening, guarded("worker metrics"):
            self._values[next(self._numbers)] = value
            if self.journal is not None:
                value.write_to(self.journal)
        return value

    def install(self) -> None:
        """Make values from now on; who set prometheus-client's own multi-process mode up by hand keeps it."""
        if not getattr(values.ValueClass, "_multiprocess", False):
            self._replaced = getattr(values.ValueClass, "_replaced", None) or values.ValueClass
            values.ValueClass = self

    def uninstall(self) -> None:
        """Put prometheus-client's own back."""
        if values.ValueClass is self:
            values.ValueClass = self._replaced

    def open(self, journal: Journal) -> None:
        """Write all values to *journal*."""
        with self._opening:
            self.journal = journal
            for value in list(self._values.values()):
                value.write_to(journal)

    def close(self) -> None:
        """Write to no journal any more."""
        journal, self.journal = self.journal, None
        for value in list(self._values.values()):
            value.write_to(None)
        if journal is not None:
            journal.close()

    def begin(self) -> None:
        """Begin anew in a forked child, which has counted nothing yet."""
        self._opening = threading.RLock()
        journal, self.journal = self.journal, None
        for value in list(self._values.values()):
            value.cells = None
            value.begin()
        for gauge in list(self._gauges):
            gauge.release()
        if journal is not None:
            journal.close()


def read_journal(stem: Path) -> Page:
    """Return what the journal of a dead process says of the families of its registry."""
    lines = stem.with_suffix(".keys").read_bytes().split(b"\n")[:-1]
    cells = memoryview(stem.with_suffix(".cells").read_bytes()).cast("d")
    keys = [orjson.loads(line) for line in lines]
    ours = {key[0] for key in keys if len(key) == 1}
    written = [key for key in keys if len(key) > 1]
    page: Page = {}
    for (name, kind, help_, sample, labels), value in zip(written, cells, strict=False):
        if name in ours:
            kept = page.setdefault(name, Kept(kind, help_, "", how_to_merge(name, kind, "")))
            kept.samples[sample, tuple((key, text) for key, text in labels)] = Held(value)
    for name, kept in page.items():
        if kept.type == "histogram":
            _add_up(name, kept)
    return page


def _add_up(name: str, kept: Kept) -> None:
    """Make buckets cumulative and add ``_count``; a series that was cut short is left out."""
    below: dict[Any, float] = {}
    samples = dict(kept.samples)
    kept.samples.clear()
    for (sample, labels), held in samples.items():
        if sample.endswith("_bucket"):
            series = labels[:-1]  # prometheus-client puts le last
            below[series] = below.get(series, 0.0) + held.value
            samples[sample, labels].value = below[series]
    whole = {
        labels[:-1] for sample, labels in samples if sample.endswith("_bucket") and labels[-1][1] == "+Inf"
    }
    for (sample, labels), held in samples.items():
        if (labels[:-1] if sample.endswith("_bucket") else labels) in whole:
            kept.samples[sample, labels] = held
    for series in whole:
        kept.samples[f"{name}_count", series] = Held(below[series])

"""Keeps results in a file, so that a run can go on where it was cut off."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from obskit.cli._faults import Fault
from obskit.cli._verify._check import RowResult
from obskit.errors import StackError

__all__ = ["Report"]


class Report:
    """The results of rows by id in *path*; with no path they are kept for this run only.

    A file that is there already is gone on with.

    Raises:
        StackError: the file is no such report, or cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[str, dict[str, Any]] = {}
        if path is None:
            return
        try:
            text = path.read_bytes() if path.exists() else b""
            self._rows = {row["id"]: row for row in orjson.loads(text)["faults"]} if text else {}
            path.touch()
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"{path} cannot be used as a report ({type(error).__name__})."
            raise StackError(msg, fix="name another file with --report, or remove it") from error

    def left(self, faults: Sequence[Fault]) -> list[Fault]:
        """Return those of *faults* that have not passed yet, or whose row has changed since."""
        return [fault for fault in faults if not self._has_passed(fault)]

    def add(self, fault: Fault, row: RowResult) -> None:
        """Keep the result of *fault*, in the place of an older one."""
        self._rows[row.id] = {**row.to_json(), "row": _digest(fault)}
        if self._path is not None:
            content = orjson.dumps(self.to_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            self._path.write_bytes(content)

    def _has_passed(self, fault: Fault) -> bool:
        kept = self._rows.get(fault.id, {})
        return bool(kept.get("passed")) and kept.get("row") == _digest(fault)

    def to_json(self) -> dict[str, Any]:
        """Return every result, by id."""
        return {"faults": [self._rows[name] for name in sorted(self._rows)]}


def _digest(fault: Fault) -> str:
    """Return what tells a row from the same row with other promises."""
    return hashlib.sha256(orjson.dumps(fault.row, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]

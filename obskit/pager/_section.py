"""Reads one mapping of a YAML file and says, by key, what in it cannot be used."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Problems", "Section"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?")
_UNITS = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_LONGEST_S = 7 * 86_400.0


class Problems:
    """What is wrong with a file: one line each, all of them at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """What relative paths in the file are relative to."""
        self.lines: list[str] = []

    def add(self, key: str, text: str) -> None:
        """Add what is wrong with *key*."""
        self.lines.append(f"{key}: {text}")


class Section:
    """A mapping at *key* of the file. A key that is never asked for is unknown; see :meth:`close`."""

    def __init__(self, key: str, value: Any, problems: Problems) -> None:
        self.key = key
        self._problems = problems
        self._asked: list[str] = []
        self._values: Mapping[Any, Any] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            problems.add(key or "the file", f"is {_kind(value)}; a mapping is accepted.")

    def problem(self, name: str, text: str) -> None:
        """Add what is wrong with the key *name*."""
        self._problems.add(self.path(name), text)

    def path(self, name: str) -> str:
        """Return the full name of the key *name*."""
        return f"{self.key}.{name}" if self.key else name

    def has(self, name: str) -> bool:
        """Return whether the key *name* is there."""
        return self._ask(name) is not None

    def section(self, name: str) -> "Section | None":
        """Return the mapping at *name*; None when it is not there."""
        value = self._ask(name)
        return None if value is None else Section(self.path(name), value, self._problems)

    def sections(self) -> Iterator[tuple[str, "Section"]]:
        """Give every key with the mapping that is its value."""
        for name in self._values:
            self._asked.append(name)
            yield str(name), Section(self.path(str(name)), self._values[name], self._problems)

    def rows(self, name: str) -> list["Section"]:
        """Return the mappings of the list at *name*."""
        value = self._ask(name)
        if not isinstance(value, list) or not value:
            self.problem(name, f"is {_kind(value)}; a list with at least one mapping is accepted.")
            return []
        return [
            Section(f"{self.path(name)}[{place}]", row, self._problems) for place, row in enumerate(value)
        ]

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text at *name*; without a *default* it must be there."""
        value = self._ask(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            self.problem(name, f"is {_kind(value)}; a text is accepted.")
            return ""
        return value.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of the list at *name*; one text is a list of one."""
        value = self._ask(name)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
            self.problem(name, f"is {_kind(value)}; a list with at least one text is accepted.")
            return ()
        return tuple(values)

    def choice(self, name: str, accepted: Iterable[str], default: str | None = None) -> str:
        """Return the text at *name*, which must be one of *accepted*."""
        value, names = self._ask(name), list(accepted)
        if value is None and default is not None:
            return default
        if value not in names:
            found = _kind(value) if value is None or not isinstance(value, str) else repr(value)
            self.problem(name, f"is {found}; {', '.join(names)} are accepted.")
            return names[0]
        return str(value)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return the whole number at *name*."""
        value = self._ask(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.problem(name, f"is {value!r}; a whole number from {least} to {most} is accepted.")
            return default
        return value

    def seconds(self, name: str, default: float | None, least: float) -> float | None:
        """Return the span of time at *name* in seconds, given as ``90``, ``30s``, ``5m`` or ``1h``."""
        value = self._ask(name)
        if value is None:
            return default
        match = _DURATION.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
        seconds = float(match[1]) * _UNITS[match[2]] if match else -1.0
        if not least <= seconds <= _LONGEST_S:
            said = f"is {value!r}; a time from {least:g}s to 7d is accepted, such as 30s, 5m or 1h."
            self.problem(name, said)
            return default
        return seconds

    def file(self, name: str) -> Path | None:
        """Return the path at *name*, relative to the file's folder; None when it is not there."""
        if not self.has(name):
            return None
        return self._problems.folder / Path(self.text(name)).expanduser()

    def secret(self, name: str) -> str | None:
        """Return what the file named at *name* holds; None when the key is not there."""
        path = self.file(name)
        if path is None:
            return None
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problem(name, f"the file {path} cannot be read: {type(error).__name__}.")
            return None
        if not secret:
            self.problem(name, f"the file {path} is empty.")
        return secret or None

    def close(self, secrets: Mapping[str, str] | None = None) -> None:
        """Report the keys that nobody asked for; *secrets* names the file key of what is no key itself."""
        accepted = [name for name in dict.fromkeys(self._asked) if name not in (secrets or {})]
        for name in self._values:
            if name in (secrets or {}):
                named = (secrets or {})[name]
                self.problem(
                    str(name), f"secrets do not belong in this file; {named} names a file that holds it."
                )
            elif name not in accepted:
                near = difflib.get_close_matches(str(name), accepted, 1)
                meant = f" Did you mean {near[0]}?" if near else ""
                self.problem(str(name), f"is not a key here; {', '.join(accepted)} are accepted.{meant}")

    def _ask(self, name: str) -> Any:
        self._asked.append(name)
        return self._values.get(name)


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, str):
        return "an empty text" if not value.strip() else "a text"
    names = {dict: "a mapping", list: "a list", bool: "a truth value", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")

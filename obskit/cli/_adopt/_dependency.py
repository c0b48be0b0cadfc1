"""Adds obskit to what a project says that it depends on, and leaves the rest of the file as it is."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from obskit.cli._new import DISTRIBUTION

__all__ = ["FILES", "requirement", "with_dependency"]

FILES = ("pyproject.toml", "requirements.txt")
"""Where dependencies are looked for, in this order."""

_ARRAY = re.compile(r"^dependencies[ \t]*=[ \t]*\[", re.MULTILINE)
_TABLE = re.compile(r"^\[(?P<name>[^\]\n]+)\][ \t]*(?:#.*)?$", re.MULTILINE)


def with_dependency(path: Path, text: str, extras: Iterable[str]) -> str | None:
    """Return *text* of the file *path* with obskit among its dependencies; None where it names none.

    A file that names obskit already is returned as it is.
    """
    wanted = requirement(extras)
    if DISTRIBUTION in text:
        return text
    if path.suffix != ".toml":
        joint = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{joint}{wanted}\n"
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    if "dependencies" in content.get("project", {}):
        return _in_array(text, wanted)
    if "dependencies" in content.get("tool", {}).get("poetry", {}):
        return _in_poetry(text, extras)
    return None


def requirement(extras: Iterable[str]) -> str:
    """Return obskit with *extras*, as pip takes it."""
    listed = ",".join(sorted(extras))
    return f"{DISTRIBUTION}[{listed}]" if listed else DISTRIBUTION


def _in_array(text: str, wanted: str) -> str | None:
    start, end = _table(text, "project")
    opening = _ARRAY.search(text, start, end)
    closing = _closing(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return None
    inside = text[opening.end() : closing]
    if "\n" not in inside:
        joint = "" if not inside.strip() else ("" if inside.rstrip().endswith(",") else ", ")
        return f'{text[: opening.end()]}{inside.rstrip()}{joint}"{wanted}"{text[closing:]}'
    lines = inside.splitlines(keepends=True)
    last = max(
        number for number, line in enumerate(lines) if line.strip() and not line.strip().startswith("#")
    )
    indent = re.match(r"[ \t]*", lines[last])
    lines[last] = _with_comma(lines[last])
    lines.insert(last + 1, f'{indent[0] if indent else "    "}"{wanted}",\n')
    return text[: opening.end()] + "".join(lines) + text[closing:]


def _with_comma(line: str) -> str:
    """Return a line of an array with a comma after its last value, before its comment."""
    end = max(line.rfind('"'), line.rfind("'")) + 1
    comment = re.search(r"""["'][ \t]*,?[ \t]*(#.*)$""", line.rstrip("\n"))
    if comment:
        end = comment.start() + 1
    return line if line[end:].lstrip().startswith(",") else f"{line[:end]},{line[end:]}"


def _closing(text: str, at: int) -> int | None:
    quote = ""
    while at < len(text):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            at = text.find("\n", at)
            if at < 0:
                return None
        elif char == "]":
            return at
        at += 1
    return None


def _in_poetry(text: str, extras: Iterable[str]) -> str:
    start, _ = _table(text, "tool.poetry.dependencies")
    at = text.index("\n", start) + 1
    quoted = ", ".join(f'"{extra}"' for extra in sorted(extras))
    version = f'{{extras = [{quoted}], version = "*"}}' if quoted else '"*"'
    return f"{text[:at]}{DISTRIBUTION} = {version}\n{text[at:]}"


def _table(text: str, name: str) -> tuple[int, int]:
    tables = list(_TABLE.finditer(text))
    for number, table in enumerate(tables):
        if table["name"].strip() == name:
            return table.end(), tables[number + 1].start() if number + 1 < len(tables) else len(text)
    return 0, len(text)

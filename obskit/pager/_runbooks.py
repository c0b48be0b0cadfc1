"""Finds runbooks and renders them. Raw HTML in a runbook shows as text."""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from obskit._assets import asset
from obskit.errors import StackError

__all__ = ["Runbook", "find_runbook", "runbook_names"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook as *html* that is safe to show."""

    name: str
    html: str


def find_runbook(folder: Path | None, name: str) -> Runbook | None:
    """Return the runbook *name* of *folder*, or of the ones that obskit ships; None when there is none."""
    place = _folder(folder)
    if place is None or _NAME.fullmatch(name) is None or not (place / f"{name}.md").is_file():
        return None
    text = (place / f"{name}.md").read_text(encoding="utf-8")
    return Runbook(name, MarkdownIt("commonmark", {"html": False}).enable("table").render(text))


def runbook_names(folder: Path | None) -> list[str]:
    """Return the names of all runbooks, in order."""
    place = _folder(folder)
    return (
        []
        if place is None
        else sorted(path.stem for path in place.glob("*.md") if _NAME.fullmatch(path.stem))
    )


def _folder(folder: Path | None) -> Path | None:
    if folder is not None:
        return folder
    try:
        return asset("alerts", "runbooks")
    except StackError:  # an installation without them still pages
        return None

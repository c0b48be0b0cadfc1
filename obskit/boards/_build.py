"""Builds the boards of a folder to JSON and checks them: the two things that ``obskit dashboards`` does."""

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from obskit._assets import asset
from obskit._mixin import Mixin
from obskit.boards import _check_board, _check_panel, _check_query, _check_schema
from obskit.boards._mixin import mixed
from obskit.boards._model import JSON, Board, Breach, Finding
from obskit.boards._own import with_own
from obskit.boards._promql import filled
from obskit.boards._read import queries
from obskit.boards._readme import with_table
from obskit.boards._render import render, to_json, written
from obskit.errors import ConfigError, ObskitError

__all__ = ["Grammar", "boards", "build", "check", "check_board"]

Grammar = Callable[[str], object]
"""Reads a query, and raises ValueError or an ObskitError when it cannot."""

_Rule = Callable[[JSON], Iterator[Breach]]
_RULES: dict[str, _Rule] = {
    **_check_board.RULES,
    **_check_panel.RULES,
    **_check_query.RULES,
    **_check_schema.RULES,
}


def boards(source: Path | None = None) -> list[Board]:
    """Return the boards of the folder *source*, by default the shipped ones, by file name.

    Each ``<name>.py`` has a function ``board()`` that returns the board with that name,
    with dashes for underscores.

    Raises:
        ConfigError: a file has no such function, or its board has another name.
    """
    folder = asset("dashboards") if source is None else source
    return [_board(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def build(
    destination: Path | None = None, *, source: Path | None = None, mixin: Mixin | None = None
) -> list[Path]:
    """Write the JSON of every board of *source* into *destination*, and return what was written.

    Both default to the shipped folders, ``dashboards`` and ``dashboards/json``. The same
    boards always give the same bytes. With no *destination*, the table of boards in the
    folder's README is made anew too, where the README has its two marks.

    With a *mixin* the boards have its labels; that needs a *destination*, for the shipped JSON is
    what the sources alone make.

    Raises:
        ConfigError: a file is no board, or there is a mixin and no destination.
    """
    if mixin is not None and destination is None:
        msg = "Boards with a configuration of your own need a folder of their own."
        raise ConfigError(msg)
    folder = _folder(source) / "json" if destination is None else destination
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for board in boards(source):
        path = folder / f"{board.name}.json"
        drawn = to_json(board)
        path.write_text(written(mixed(drawn, mixin) if mixin else drawn), encoding="utf-8")
        made.append(path)
    readme = _folder(source) / "README.md"
    if destination is None and readme.is_file():
        readme.write_text(with_table(readme.read_text(encoding="utf-8"), boards(source)), encoding="utf-8")
    return made


def check(source: Path | None = None, *, grammars: Mapping[str, Grammar] | None = None) -> list[Finding]:
    """Return every breach of the house rules in the boards of *source*, and JSON that differs from them.

    An empty list means that all is well. Nothing is written. *grammars* are parsers of the
    query languages that this layer does not know, ``loki`` and ``tempo``: each raises
    ValueError or an ObskitError for a query that it cannot read.
    """
    folder = _folder(source)
    built = boards(folder)
    texts = {board.name: render(board) for board in built}
    findings = [*_drift(folder / "json", built, texts), *_old_readme(folder / "README.md", built)]
    for board in built:
        drawn = json.loads(texts[board.name])
        with with_own(board.metrics):
            findings.extend(check_board(drawn))
        findings.extend(_unread(drawn, grammars or {}))
    return findings


def check_board(board: JSON) -> list[Finding]:
    """Return every breach of the house rules in one rendered board."""
    return [
        Finding(board=board.get("uid") or "", panel=breach.panel, rule=name, what=breach.what, fix=breach.fix)
        for name, rule in _RULES.items()
        for breach in rule(board)
    ]


def _folder(source: Path | None) -> Path:
    return asset("dashboards") if source is None else source


def _board(path: Path) -> Board:
    # By path, not by name: a user's folder of boards need not be a package.
    spec = importlib.util.spec_from_file_location(f"obskit_dashboards_{path.stem}", path)
    if spec is None or spec.loader is None:
        msg = f"{path} cannot be loaded as Python; name it <board>.py."
        raise ConfigError(msg)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.board() if hasattr(module, "board") else None
    if not isinstance(made, Board):
        msg = f"{path.name} has no function board() that returns an obskit.boards.Board; add one."
        raise ConfigError(msg)
    expected = path.stem.replace("_", "-")
    if made.name != expected:
        msg = (
            f"{path.name} makes the board {made.name!r}; its file asks for {expected!r}. Rename one of them."
        )
        raise ConfigError(msg)
    return made


def _unread(board: JSON, grammars: Mapping[str, Grammar]) -> Iterator[Finding]:
    for panel, kind, query in queries(board):
        try:
            grammars.get(kind, _any)(filled(query))
        except (ValueError, ObskitError) as error:
            what = f"{query!r} cannot be read: {str(error).splitlines()[0]}."
            yield Finding(board["uid"], panel, f"{kind} grammar", what, "Correct the query.")


def _any(query: str) -> None:
    """Accept every query of a language without a grammar."""


def _old_readme(readme: Path, built: list[Board]) -> Iterator[Finding]:
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        if text != with_table(text, built):
            fix = "Run: obskit dashboards build"
            yield Finding("README.md", "", "drift", "Its table is not what the boards make.", fix)


def _drift(folder: Path, built: list[Board], texts: dict[str, str]) -> Iterator[Finding]:
    fix = "Run: obskit dashboards build"
    expected = {f"{board.name}.json": board for board in built}
    for name, board in expected.items():
        path = folder / name
        if not path.is_file():
            yield Finding(board.uid, "", "drift", f"{name} is missing.", fix)
        elif path.read_bytes() != texts[board.name].encode():
            yield Finding(board.uid, "", "drift", f"{name} is not what its source makes.", fix)
    for path in sorted(folder.glob("*.json")):
        if path.name not in expected:
            yield Finding(
                path.stem, "", "drift", f"{path.name} has no source.", "Delete it, or add its board."
            )

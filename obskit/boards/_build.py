"""Builds the boards of a folder to JSON and checks them: the two things that ``obskit dashboards`` does."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from obskit._assets import asset
from obskit.boards import _check_board, _check_panel, _check_query
from obskit.boards._model import JSON, Board, Breach, Finding
from obskit.boards._render import render
from obskit.errors import ConfigError

__all__ = ["boards", "build", "check", "check_board"]

_Rule = Callable[[JSON], Iterator[Breach]]
_RULES: dict[str, _Rule] = {**_check_board.RULES, **_check_panel.RULES, **_check_query.RULES}


def boards(source: Path | None = None) -> list[Board]:
    """Return the boards of the folder *source*, by default the shipped ones, by file name.

    Each ``<name>.py`` has a function ``board()`` that returns the board with that name,
    with dashes for underscores.

    Raises:
        ConfigError: a file has no such function, or its board has another name.
    """
    folder = asset("dashboards") if source is None else source
    return [_board(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]


def build(destination: Path | None = None, *, source: Path | None = None) -> list[Path]:
    """Write the JSON of every board of *source* into *destination*, and return what was written.

    Both default to the shipped folders, ``dashboards`` and ``dashboards/json``. The same
    boards always give the same bytes.
    """
    folder = _folder(source) / "json" if destination is None else destination
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for board in boards(source):
        path = folder / f"{board.name}.json"
        path.write_text(render(board), encoding="utf-8")
        written.append(path)
    return written


def check(source: Path | None = None) -> list[Finding]:
    """Return every breach of the house rules in the boards of *source*, and JSON that differs from them.

    An empty list means that all is well. Nothing is written.
    """
    folder = _folder(source)
    findings = list(_drift(folder / "json", boards(folder)))
    for board in boards(folder):
        findings.extend(check_board(json.loads(render(board))))
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


def _drift(folder: Path, built: list[Board]) -> Iterator[Finding]:
    fix = "Run: obskit dashboards build"
    expected = {f"{board.name}.json": board for board in built}
    for name, board in expected.items():
        path = folder / name
        if not path.is_file():
            yield Finding(board.uid, "", "drift", f"{name} is missing.", fix)
        elif path.read_bytes() != render(board).encode():
            yield Finding(board.uid, "", "drift", f"{name} is not what its source makes.", fix)
    for path in sorted(folder.glob("*.json")):
        if path.name not in expected:
            yield Finding(
                path.stem, "", "drift", f"{path.name} has no source.", "Delete it, or add its board."
            )

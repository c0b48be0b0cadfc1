"""Takes in somebody's own boards, so that the console shows them beside the shipped ones."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.stack._files import write_atomic
from obskit.stack._home import Home

__all__ = ["keep_boards"]

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def keep_boards(home: Home, files: Iterable[Path]) -> None:
    """Keep copies of *files*, and of no others, where the console looks for boards.

    Raises:
        ConfigError: one is no board, or has the uid of another.
    """
    found: dict[str, Path] = {}
    shipped = {_uid(path): path for path in asset("dashboards", "json").glob("*.json")}
    for path in files:
        uid = _uid(path)
        other = found.get(uid) or shipped.get(uid)
        if other is not None:
            msg = f"boards: {path} has the uid {uid!r}, which {other.name} has too; give it another."
            raise ConfigError(msg)
        found[uid] = path
    home.boards.mkdir(exist_ok=True)
    for uid, path in found.items():
        write_atomic(home.boards / f"{uid}.json", path.read_bytes())
    for kept in home.boards.glob("*.json"):
        if kept.stem not in found:
            kept.unlink()


def _uid(path: Path) -> str:
    try:
        board: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"boards: {path} cannot be read as JSON ({error})."
        raise ConfigError(msg) from error
    fields = board if isinstance(board, dict) else {}
    is_board = isinstance(fields.get("panels"), list) and isinstance(fields.get("title"), str)
    if not is_board or not _UID.fullmatch(str(fields.get("uid", ""))):
        msg = (
            f"boards: {path} is no board; use Grafana's JSON with a title, panels and a uid of letters, "
            "digits, - and _, as obskit dashboards build and Grafana's export write it."
        )
        raise ConfigError(msg)
    return str(fields["uid"])

"""Finds the queries of one panel, as they stand when its board is opened."""

import json
from collections.abc import Mapping
from functools import lru_cache

from obskit._assets import asset
from obskit.boards._model import JSON
from obskit.boards._promql import filled
from obskit.boards._read import data_panels
from obskit.boards._stores import Moment, Stores
from obskit.errors import ConfigError

__all__ = ["panel_queries"]

_PREFIX = "obskit-"


def panel_queries(
    uid: str, title: str, *, stores: Stores, moment: Moment, variables: Mapping[str, str]
) -> list[str]:
    """Return the Prometheus queries of the panel *title* on the shipped board *uid*.

    Variables have the value that they have when the board is opened, or that of *variables*,
    which also has Grafana's own, such as ``__rate_interval``.

    Raises:
        ConfigError: there is no such board or panel, or the panel asks Prometheus nothing.
        StackError: a store cannot be reached.
    """
    board = _board(uid)
    panel = next((one for one in data_panels(board) if one.get("title") == title), None)
    if panel is None:
        msg = f"The board {uid} has no panel {title!r}."
        raise ConfigError(msg)
    values = {**stores.choices(board, moment), **variables}
    asked = [one["expr"] for one in panel["targets"] if one["datasource"]["type"] == "prometheus"]
    if not asked:
        msg = f"The panel {title!r} of {uid} asks Prometheus nothing."
        raise ConfigError(msg)
    return [filled(expr, values) for expr in asked]


@lru_cache(maxsize=32)  # read for each look at a panel; nobody changes it
def _board(uid: str) -> JSON:
    path = asset("dashboards", "json") / f"{uid.removeprefix(_PREFIX)}.json"
    try:
        board: JSON = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"There is no board {uid!r} in {path.parent}."
        raise ConfigError(msg) from error
    return board

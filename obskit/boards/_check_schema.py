"""The house rule that a board is what Grafana's own schema says, by the typed models of its SDK.

The SDK's classes are generated from Grafana's schema. A board goes into them and comes out again:
what is lost on the way, or comes out different, is nothing that Grafana knows, and what is in them
has the type that the schema has.
"""

import enum
import json
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from functools import cache
from typing import Any

from obskit.boards._model import JSON, Breach
from obskit.boards._sdk import JSONEncoder, models, register_default_plugins

__all__ = ["RULES"]

_FIX = "Render the board with obskit.boards, or correct the option that made it."


def schema(board: JSON) -> Iterator[Breach]:
    """The board is a dashboard of Grafana's schema: nothing that it does not know, every value of its type."""
    _register()
    try:
        read = models.Dashboard.from_json(board)
        written = json.loads(json.dumps(read, cls=JSONEncoder))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield Breach(f"Grafana's schema cannot read it: {type(error).__name__}: {error}.", _FIX)
        return
    for path in dict.fromkeys(_lost(board, written, "")):
        yield Breach(f"{path} is nothing that Grafana's schema has there.", _FIX, _panel(board, path))
    for path in dict.fromkeys(_wrong(read, "")):
        yield Breach(f"{path} is not of the type that Grafana's schema has.", _FIX)


@cache
def _register() -> None:
    """Let the SDK know the options and queries of every kind of panel and data source."""
    register_default_plugins()


def _lost(before: Any, after: Any, path: str) -> Iterator[str]:
    """Yield where *after* lacks something of *before*; defaults that the SDK adds are no loss."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            where = f"{path}.{name}" if path else name
            if name not in after:
                yield where
            else:
                yield from _lost(value, after[name], where)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif before != after:
        yield path


def _panel(board: JSON, path: str) -> str:
    """Return the title of the panel that *path* begins with, or nothing."""
    name, _, rest = path.partition("[")
    if name != "panels" or not rest:
        return ""
    return str(board["panels"][int(rest.partition("]")[0])].get("title", ""))


def _wrong(model: Any, path: str) -> Iterator[str]:
    """Yield the attributes of *model* and of the models in it whose values are not of their type."""
    kind: Any = type(model)
    for name, hint in _hints(kind).items():
        value = getattr(model, name, None)
        where = f"{path}.{name}" if path else name
        if not _fits(value, hint):
            yield where
        for index, inner in enumerate(value if isinstance(value, list) else [value]):
            if hasattr(inner, "to_json") and not isinstance(inner, type):
                yield from _wrong(inner, f"{where}[{index}]" if isinstance(value, list) else where)


@cache
def _hints(model: Hashable) -> Mapping[str, Any]:
    return typing.get_type_hints(model)


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or origin is types.UnionType:
        return any(_fits(value, each) for each in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is list:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(_fits(each, inner[1]) for each in value.values())
    return not isinstance(hint, type) or _is_a(value, hint)


def _is_a(value: Any, hint: type) -> bool:
    if issubclass(hint, enum.Enum):
        return value in {each.value for each in hint}
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    # What the SDK has no class for, such as the options of a panel, stays as it was read.
    return isinstance(value, hint) or (isinstance(value, Mapping) and hint.__module__ != "builtins")


RULES = {"schema": schema}

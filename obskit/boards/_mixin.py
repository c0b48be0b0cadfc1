"""Puts somebody's own labels into a rendered board."""

from typing import Any

from obskit._mixin import Mixin
from obskit.boards._model import JSON
from obskit.catalog import SERVICE_LABEL

__all__ = ["mixed"]

_LEGENDS = ("legendFormat", "titleFormat")
_QUERIES = ("expr", "definition")


def mixed(board: JSON, mixin: Mixin) -> JSON:
    """Return *board* with the labels of *mixin*; logs and traces keep theirs, which obskit writes."""
    changed: JSON = _changed(board, mixin)
    if mixin.environment_label:
        chosen = changed["templating"]["list"]
        after = next(place for place, one in enumerate(chosen) if one["name"] == "service")
        chosen.insert(after, _environments(chosen[after], mixin.environment_label))
    return changed


def _changed(value: Any, mixin: Mixin, key: str = "", kind: str = "prometheus") -> Any:
    if isinstance(value, dict):
        kind = str((value.get("datasource") or {}).get("type", kind))
        return {
            (mixin.service_label if name == SERVICE_LABEL else name): _changed(each, mixin, name, kind)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_changed(each, mixin, key, kind) for each in value]
    if not isinstance(value, str):
        return value
    return _text(value, mixin, key, kind)


def _text(value: str, mixin: Mixin, key: str, kind: str) -> str:
    own = mixin.service_label
    if key in _QUERIES or (key == "query" and value.startswith("label_values(")):
        return mixin.board_promql(value) if kind == "prometheus" else value
    if key in _LEGENDS:
        return value.replace(f"{{{{{SERVICE_LABEL}}}}}", f"{{{{{own}}}}}")
    if key == "url":
        moved = value.replace(f"__data.fields.{SERVICE_LABEL}", f"__data.fields.{own}")
        return mixin.template(moved)
    return own if value == SERVICE_LABEL else value


def _environments(service: JSON, label: str) -> JSON:
    """Return the choice of environments, made like that of services, whose metric it asks."""
    query = f"{service['definition'].rpartition(',')[0]}, {label})"
    asked = {**service["query"], "query": query} if isinstance(service["query"], dict) else query
    named = {"name": "environment", "label": "Environment", "definition": query, "query": asked}
    return {**service, **named}

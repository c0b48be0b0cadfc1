"""The line of a request with nothing special about it, put together from parts that are made once.

It is the one line that every request pays for, and its fields are ours: all but the path
and the time are the same for most requests of a route.
"""

import re
from typing import NamedTuple

import orjson

from obskit.logging._render import Renderer, is_clean

__all__ = ["AccessLines"]

_KINDS = 1000
_LONGEST = 500
# Nothing that JSON escapes and nothing that a secret is made of: no colon, equals sign or
# dot, and fewer digits and dashes in a row than the number of a card has.
_PLAIN_PATH = re.compile(r"(?:[A-Za-z_/]++|[0-9-]{1,12}+(?![0-9-]))*+")


class _Parts(NamedTuple):
    """What stands between the time, the ids, the path and the duration."""

    after_time: str
    after_ids: str
    after_path: str
    end: str


class AccessLines:
    """Makes the plain lines ``http.request`` of one process."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._kinds: dict[tuple[str, str, int, str], _Parts | None] = {}

    def line(  # noqa: PLR0913, PLR0917 - the fields of a line, in their order
        self, trace: str, method: str, route: str, path: str, status: int, duration_ms: float, outcome: str
    ) -> bytes | None:
        """Return one line, or None where a field is to be looked at more closely."""
        if len(path) > _LONGEST or _PLAIN_PATH.fullmatch(path) is None:
            return None
        try:
            parts = self._kinds[method, route, status, outcome]
        except KeyError:
            parts = self._first(method, route, status, outcome)
        if parts is None:
            return None
        after_time, after_ids, after_path, end = parts
        stamp = self._renderer.timestamp()
        return (
            f'{{"timestamp":"{stamp}"{after_time}{trace}{after_ids}{path}{after_path}{duration_ms}{end}'
        ).encode()

    def _first(self, method: str, route: str, status: int, outcome: str) -> _Parts | None:
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
        fields = {"method": method, "route": route, "status": status, "outcome": outcome}
        parts = None
        if is_clean(orjson.dumps(fields), fields):
            parts = _Parts(
                self._renderer.shared_json("info", "http.request", "obskit"),
                f',"method":"{method}","route":{orjson.dumps(route).decode()},"path":"',
                f'","status":{status},"duration_ms":',
                f',"outcome":"{outcome}"}}\n',
            )
        self._kinds[method, route, status, outcome] = parts
        return parts

"""The log backend as one piece: store, tailer, and the applications in front of them."""

import threading
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from obskit._guard import guarded
from obskit.embedded.logs._api import Api
from obskit.embedded.logs._live import Live
from obskit.embedded.logs._queries import Queries
from obskit.embedded.logs._retention import Retention
from obskit.embedded.logs._store import Store
from obskit.embedded.logs._tailer import Tailer
from obskit.embedded.logs.logql import parse

__all__ = ["LogBackend"]

_CLEAN_S = 30.0
_BETWEEN_STEPS_S = 0.05


class LogBackend:
    """Keeps logs in the file *path*, tails *log_dir*, and answers Loki's API and OTLP logs.

    Args:
        path: the SQLite file, which is made when it is missing.
        log_dir: the folder whose ``*.jsonl`` files are followed, if any.
        retention: what is kept.
        timeout_s: how long a query may take, in seconds.

    Raises:
        StackError: the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        log_dir: Path | None = None,
        *,
        retention: Retention | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self.store = Store(path, retention or Retention())
        self._live = Live()
        self.store.listen(self._live.publish)
        self._queries = Queries(path, timeout_s)
        self._api = Api(self.store, self._queries, self._live)
        self._tailer = None if log_dir is None else Tailer(self.store, log_dir)
        self._stop = threading.Event()
        self._cleaning = threading.Thread(target=self._clean, name="log-cleaner", daemon=True)

    def start(self) -> None:
        """Begin to tail, and to remove what is too old."""
        parse('{warm="up"}')  # the grammar takes half a second to load
        if self._tailer is not None:
            self._tailer.start()
        self._cleaning.start()

    def loki_app(self) -> Starlette:
        """Return Loki's API as an application."""
        return Starlette(routes=self._api.loki_routes())

    def otlp_routes(self) -> Sequence[BaseRoute]:
        """Return the route of OTLP logs, ``/v1/logs``."""
        return self._api.otlp_routes()

    def ping(self) -> None:
        """Raise unless the store can write."""
        self.store.ping()

    def close(self) -> None:
        """Stop to tail, finish what was asked for, and close the file."""
        self._stop.set()
        if self._cleaning.is_alive():
            self._cleaning.join(10)
        if self._tailer is not None:
            self._tailer.close()
        self._queries.close()
        self.store.close()

    def _clean(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            pause = _CLEAN_S
            with guarded("log retention"):
                pause = _BETWEEN_STEPS_S if self.store.clean() else _CLEAN_S

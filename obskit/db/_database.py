"""What is known of the database behind one engine, from its address and dialect."""

from dataclasses import dataclass
from pathlib import PurePath

from sqlalchemy import Engine

__all__ = ["Database", "database_of"]

_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""OpenTelemetry's names, where they are not SQLAlchemy's."""


@dataclass(frozen=True, slots=True)
class Database:
    """*system* and *namespace* are OpenTelemetry's ``db.system.name`` and ``db.namespace``.

    *pool_name* is ``db.client.connection.pool.name``: the pool's own name where it was given one,
    else ``host:port/database``, as OpenTelemetry says for pools without a name.
    """

    system: str
    namespace: str
    host: str
    port: int | None
    pool_name: str
    in_memory: bool

    @property
    def attributes(self) -> dict[str, str | int]:
        """The span attributes that every statement has."""
        given = {
            "db.system.name": self.system,
            "db.namespace": self.namespace,
            "server.address": self.host,
            "server.port": self.port,
        }
        return {name: value for name, value in given.items() if value}


def database_of(engine: Engine) -> Database:
    """Return what the address of *engine* says; never its user or password."""
    url, name = engine.url, engine.dialect.name
    is_file = name == "sqlite"
    path = url.database or ""
    in_memory = is_file and (path in {"", ":memory:"} or "mode=memory" in str(url.query) + path)
    namespace = ("memory" if in_memory else PurePath(path.partition("?")[0]).name) if is_file else path
    host = "" if is_file else (url.host or "")
    place = f"{host}:{url.port}" if url.port else host
    given = engine.pool._orig_logging_name  # noqa: SLF001 - logging_name is an address in memory when none was given
    shown = str(given) if given else f"{place}/{namespace}".lstrip("/")
    return Database(_SYSTEMS.get(name, name), namespace, host, url.port, shown, in_memory)

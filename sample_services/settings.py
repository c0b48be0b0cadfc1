"""What the sample services read from the environment, checked once at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from obskit.errors import ConfigError

__all__ = ["VERSION", "Settings"]

VERSION = "1.0.0"
"""The version that every sample service reports."""

_TOKEN_MIN_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one sample service. Build it with :meth:`load`."""

    database_url: str
    """``DATABASE_URL``; default: ``$OBSKIT_HOME/data/<service>.db`` through aiosqlite."""
    nats_url: str
    """``NATS_URL``; default ``nats://127.0.0.1:4222``."""
    orders_url: str
    """``ORDERS_URL``; default ``http://127.0.0.1:8102``."""
    inventory_url: str
    """``INVENTORY_URL``; default ``http://127.0.0.1:8103``."""
    faults_token_file: Path | None
    """``OBSKIT_FAULTS_TOKEN_FILE``; without it there is no admin route."""

    @classmethod
    def load(cls, service: str, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings of *service*.

        Raises:
            ConfigError: a value cannot be used; the text names it, what is accepted and the fix.
        """
        source = os.environ if environ is None else environ
        home = Path(source.get("OBSKIT_HOME") or ".obskit")
        token_file = source.get("OBSKIT_FAULTS_TOKEN_FILE")
        return cls(
            database_url=_database(source.get("DATABASE_URL") or _sqlite(home, service)),
            nats_url=_url(source, "NATS_URL", "nats://127.0.0.1:4222", {"nats", "tls"}),
            orders_url=_url(source, "ORDERS_URL", "http://127.0.0.1:8102", {"http", "https"}),
            inventory_url=_url(source, "INVENTORY_URL", "http://127.0.0.1:8103", {"http", "https"}),
            faults_token_file=Path(token_file) if token_file else None,
        )

    def faults_token(self) -> str | None:
        """Return the token of the fault routes, or None where faults are not enabled.

        Raises:
            ConfigError: the file cannot be read or holds less than 16 characters.
        """
        if self.faults_token_file is None:
            return None
        shown = f"OBSKIT_FAULTS_TOKEN_FILE={str(self.faults_token_file)!r}"
        try:
            token = self.faults_token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            msg = f"{shown} cannot be read ({reason}); name a file with a token, or unset it."
            raise ConfigError(msg) from error
        if len(token) < _TOKEN_MIN_LENGTH:
            msg = f"{shown} holds {len(token)} characters; write a token of {_TOKEN_MIN_LENGTH} or more into it."
            raise ConfigError(msg)
        return token


def _sqlite(home: Path, service: str) -> str:
    return f"sqlite+aiosqlite:///{home / 'data' / f'{service}.db'}"


def _database(value: str) -> str:
    accepted = "use sqlite+aiosqlite:///<path>, or another SQLAlchemy address with an async driver"
    try:
        url = make_url(value)
        is_async = url.get_dialect().is_async
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # Not shown: what cannot be parsed cannot be masked, and it may hold a password.
        msg = f"DATABASE_URL (hidden) is not accepted; {accepted}."
        raise ConfigError(msg) from error
    if not is_async:
        msg = f"DATABASE_URL={str(url)!r} is not accepted; {accepted}."  # str() masks the password
        raise ConfigError(msg)
    return value


def _url(source: Mapping[str, str], name: str, default: str, schemes: set[str]) -> str:
    value = source.get(name) or default
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no port, or half of an IPv6 address
        usable = False
    if not usable:
        shown = "(hidden)" if "@" in value else repr(value)
        msg = f"{name}={shown} is not accepted; use an address such as {default}."
        raise ConfigError(msg)
    return value.rstrip("/")

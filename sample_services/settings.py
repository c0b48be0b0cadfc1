"""What the sample services read from the environment, checked once at start."""

import math
import os
import re
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
    """``DATABASE_URL``; default: ``$OBSKIT_HOME/data/<service>.db`` through aiosqlite.

    With ``DATABASE_PASSWORD_FILE`` the password is what that file holds; ``CACHE_PASSWORD_FILE`` is the cache's.
    """
    database_replica_url: str | None
    """``DATABASE_REPLICA_URL``: a copy that answers lists and reports; default none.

    ``DATABASE_REPLICA_PASSWORD_FILE`` is its password's.
    """
    nats_url: str
    """``NATS_URL``; default ``nats://127.0.0.1:4222``."""
    orders_url: str
    """``ORDERS_URL``; default ``http://127.0.0.1:8102``."""
    inventory_url: str
    """``INVENTORY_URL``; default ``http://127.0.0.1:8103``."""
    faults_token_file: Path | None
    """``OBSKIT_FAULTS_TOKEN_FILE``; without it there is no admin route."""
    secrets: Path
    """``$OBSKIT_HOME/secrets``: signing keys and the passwords of the demo users."""
    lockout_s: float
    """``LOGIN_LOCKOUT_S``: seconds that a name stays locked after five failed logins; default 60."""
    users_url: str
    """``USERS_URL``; default ``http://127.0.0.1:8101``."""
    payments_url: str
    """``PAYMENTS_URL``; default ``http://127.0.0.1:8104``."""
    replica_url: str | None
    """``INVENTORY_REPLICA_URL``: another inventory that answers reads when the first does not; default none."""
    cache_url: str
    """``CACHE_URL``: ``mem://`` (default) or ``redis://...``: answers and rate limits, shared by replicas."""
    rate_limit: str
    """``GATEWAY_RATE_LIMIT``: requests of one client at one replica; default ``200/second``."""
    login_limit: str
    """``GATEWAY_LOGIN_LIMIT``: logins, refreshes and logouts of one address at one replica; default ``10/second``."""
    needs_token: bool
    """``GATEWAY_AUTH``: ``required`` (default) or ``optional``, which serves callers without a token too."""
    smtp_url: str
    """``SMTP_URL``: the mail provider; default ``smtp://127.0.0.1:8025``."""
    mail_rate: float
    """``MAIL_RATE``: mails a second that one process sends at most; default 0, as fast as it goes."""
    mail_workers: int
    """``MAIL_WORKERS``: batches of bulk mail that one process sends at a time; default 2."""
    report_s: float
    """``ORDERS_REPORT_S``: seconds between two reports about orders; default 10."""
    provider_url: str
    """``PROVIDER_URL``: the payment provider; default ``http://127.0.0.1:8114``."""

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
            database_url=_database(_with_password(source, "DATABASE") or _sqlite(home, service)),
            database_replica_url=_replica(source),
            nats_url=_url(source, "NATS_URL", "nats://127.0.0.1:4222", {"nats", "tls"}),
            orders_url=_http(source, "ORDERS_URL", 8102),
            inventory_url=_http(source, "INVENTORY_URL", 8103),
            faults_token_file=Path(token_file) if token_file else None,
            secrets=home / "secrets",
            lockout_s=_number(source, "LOGIN_LOCKOUT_S", 60.0, 0.1, 86_400.0),
            users_url=_http(source, "USERS_URL", 8101),
            payments_url=_http(source, "PAYMENTS_URL", 8104),
            replica_url=_http(source, "INVENTORY_REPLICA_URL", 8103)
            if source.get("INVENTORY_REPLICA_URL")
            else None,
            cache_url=_cache(source),
            rate_limit=_limit(source, "GATEWAY_RATE_LIMIT", "200/second"),
            login_limit=_limit(source, "GATEWAY_LOGIN_LIMIT", "10/second"),
            needs_token=_choice(source, "GATEWAY_AUTH", ("required", "optional")) == "required",
            smtp_url=_url(source, "SMTP_URL", "smtp://127.0.0.1:8025", {"smtp"}),
            mail_rate=_number(source, "MAIL_RATE", 0.0, 0.0, 100_000.0),
            mail_workers=int(_number(source, "MAIL_WORKERS", 2, 1, 100)),
            report_s=_number(source, "ORDERS_REPORT_S", 10.0, 0.1, 86_400.0),
            provider_url=_http(source, "PROVIDER_URL", 8114),
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


def _with_password(source: Mapping[str, str], name: str) -> str:
    """Return the address ``<name>_URL`` with the password of the file ``<name>_PASSWORD_FILE``."""
    value, file = source.get(f"{name}_URL", ""), source.get(f"{name}_PASSWORD_FILE")
    if not value or not file:
        return value
    try:
        password = Path(file).read_text(encoding="utf-8").strip()
        return make_url(value).set(password=password).render_as_string(hide_password=False)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{name}_PASSWORD_FILE={file!r} cannot be read ({type(error).__name__}); name a file that holds a password."
        raise ConfigError(msg) from error
    except ArgumentError as error:
        msg = f"{name}_URL (hidden) is no address that a password can be added to."
        raise ConfigError(msg) from error


def _cache(source: Mapping[str, str]) -> str:
    url = _url(source, "CACHE_URL", "mem://memory", {"mem", "redis", "rediss"})
    return _with_password({**source, "CACHE_URL": url}, "CACHE") or url


def _replica(source: Mapping[str, str]) -> str | None:
    name = "DATABASE_REPLICA"
    value = _with_password(source, name)
    return _database(value, f"{name}_URL") if value else None


def _database(value: str, name: str = "DATABASE_URL") -> str:
    accepted = "use sqlite+aiosqlite:///<path>, or another SQLAlchemy address with an async driver"
    try:
        url = make_url(value)
        is_async = url.get_dialect().is_async
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # Not shown: what cannot be parsed cannot be masked, and it may hold a password.
        msg = f"{name} (hidden) is not accepted; {accepted}."
        raise ConfigError(msg) from error
    if not is_async:
        msg = f"{name}={str(url)!r} is not accepted; {accepted}."  # str() masks the password
        raise ConfigError(msg)
    return value


def _number(source: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = source.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        msg = f"{name}={text!r} is not accepted; use a number from {least:g} to {most:g}."
        raise ConfigError(msg)
    return value


def _limit(source: Mapping[str, str], name: str, default: str) -> str:
    text = source.get(name) or default
    if re.fullmatch(r"[1-9][0-9]{0,6}/(second|minute|hour)", text) is None:
        msg = f"{name}={text!r} is not accepted; use a number and second, minute or hour, such as {default}."
        raise ConfigError(msg)
    return text


def _choice(source: Mapping[str, str], name: str, accepted: tuple[str, ...]) -> str:
    value = source.get(name) or accepted[0]
    if value not in accepted:
        msg = f"{name}={value!r} is not accepted; use {' or '.join(accepted)}."
        raise ConfigError(msg)
    return value


def _http(source: Mapping[str, str], name: str, port: int) -> str:
    return _url(source, name, f"http://127.0.0.1:{port}", {"http", "https"})


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

"""What can be said without an application: settings, packages, folders, collector, workers, clock."""

import os
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from obskit._version import __version__
from obskit.cli._doctor._model import Finding, fail, ok, warn
from obskit.config import SETTINGS, Settings
from obskit.errors import ConfigError
from obskit.metrics._group import folder_for
from obskit.redaction import is_secret_key, redact_text

__all__ = ["MULTIPROCESS", "examine_collector", "examine_environment", "examine_log_dir"]

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_TIMEOUT_S = 3.0
_SKEW_S = 5.0
_SUCCESS = range(200, 300)
_REFUSED = frozenset({401, 403})
_WORKER_OPTIONS = ("-w", "--workers")
_RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
_REPAIR = "pip uninstall obskit, then pip install --force-reinstall obskit-starter-kit"


def examine_environment(environ: Mapping[str, str]) -> list[Finding]:
    """Return the findings that need no application."""
    findings = [_package(), *_clock(environ), *_workers(environ), *_shown_secrets(environ)]
    try:
        settings = Settings.load({}, environ)
    except ConfigError as error:
        return [fail("settings", str(error), "change the variable"), *findings]
    changed = [name for each in SETTINGS for name in each.variables if environ.get(name)]
    seen = ok("settings", f"from variables: {', '.join(changed)}" if changed else "all at their defaults")
    return [seen, *findings, *examine_log_dir(settings.log_dir), *examine_collector(settings)]


def _package() -> Finding:
    try:
        other = version("obskit")
    except PackageNotFoundError:
        return ok("package", f"obskit-starter-kit {__version__}")
    return fail(
        "package",
        f"the distribution obskit {other} of another project is installed; both write into the folder obskit/",
        _REPAIR,
    )


def examine_log_dir(folder: Path | None) -> Iterator[Finding]:
    """Tell whether a file can be made in the log directory, by making one."""
    if folder is None:
        yield ok("log dir", "none; lines go to stdout only")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"obskit doctor\n")
    except OSError as error:
        yield fail(
            "log dir",
            f"OBSKIT_LOG_DIR={str(folder)!r} cannot be written to ({error.strerror})",
            "name a directory that this user may write to",
        )
        return
    yield ok("log dir", f"{folder} can be written to")


def examine_collector(settings: Settings) -> Iterator[Finding]:
    """Post an empty body to the trace collector, and compare its clock with ours."""
    url = settings.traces_url
    if url is None:
        yield warn(
            "collector",
            "spans are not exported",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318, the address of an OTLP/HTTP collector",
        )
        return
    shown = redact_text(url)
    try:
        status, date = _post_nothing(url, settings.otlp_headers)
    except (OSError, HTTPException) as error:
        yield fail(
            "collector",
            f"{shown} cannot be reached ({type(error).__name__}: {error}); spans are lost",
            "start the collector (obskit up has one), or correct OTEL_EXPORTER_OTLP_ENDPOINT",
        )
        return
    yield _of_status(shown, status)
    yield from _skew(date)


def _post_nothing(url: str, headers: Mapping[str, str]) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request(
            "POST",
            parts.path or "/",
            b'{"resourceSpans":[]}',
            {"Content-Type": "application/json", **headers},
        )
        response = connection.getresponse()
        return response.status, response.getheader("Date", "")
    finally:
        connection.close()


def _of_status(url: str, status: int) -> Finding:
    if status in _SUCCESS:
        return ok("collector", f"{url} takes spans")
    if status in _REFUSED:
        fix = "put the token into OTEL_EXPORTER_OTLP_HEADERS as authorization=Bearer%20..."
        return fail("collector", f"{url} refuses us with status {status}", fix)
    fix = "name an OTLP/HTTP collector, as a rule port 4318; 4317 is gRPC"
    return fail("collector", f"{url} answers {status} to an empty OTLP body", fix)


def _skew(date: str) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    skew = time.time() - theirs
    if abs(skew) > _SKEW_S:
        fix = "synchronise both clocks (NTP); traces across machines are out of order until then"
        yield warn("clock skew", f"this machine's clock is {skew:+.0f} s off the collector's", fix)


def _clock(environ: Mapping[str, str]) -> Iterator[Finding]:
    zone = environ.get("TZ", "").removeprefix(":")
    if zone and not zone.startswith("/"):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            fix = "TZ=UTC, or the name of a zone such as Europe/Berlin"
            yield warn("clock", f"TZ={zone!r} is no known time zone; programs take UTC without a word", fix)
            return
    now = datetime.now(UTC)
    yield ok("clock", f"{now:%Y-%m-%dT%H:%M:%SZ}; log lines and spans are in UTC whatever TZ is")


def _workers(environ: Mapping[str, str]) -> Iterator[Finding]:
    origin, count = _worker_count(environ)
    shared = folder_for("doctor", os.getpid()).parent
    if environ.get(MULTIPROCESS):
        yield warn(
            "workers",
            f"{MULTIPROCESS} is set: prometheus-client counts in files of its own, without exemplars",
            f"unset {MULTIPROCESS}; obskit shows all workers on each /metrics by itself",
        )
    elif count > 1 and not _is_usable(shared):
        fix = f"make {shared} a directory of this user alone, or set TMPDIR to where one can be made"
        yield fail("workers", f"{count} ({origin}), and {shared} cannot hold what they count together", fix)
    elif count > 1:
        yield ok("workers", f"{count} ({origin}); /metrics of each shows all of them")
    else:
        yield ok("workers", "one, or not said in the environment")


def _is_usable(folder: Path) -> bool:
    if folder.exists():
        return not folder.is_symlink() and folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK)
    return folder.parent.is_dir() and os.access(folder.parent, os.W_OK)


def _worker_count(environ: Mapping[str, str]) -> tuple[str, int]:
    for name in ("WEB_CONCURRENCY", "UVICORN_WORKERS"):
        if environ.get(name, "").isdigit():
            return name, int(environ[name])
    words = [part for word in shlex.split(environ.get("GUNICORN_CMD_ARGS", "")) for part in word.split("=")]
    for word, following in pairwise(words):
        if word in _WORKER_OPTIONS and following.isdigit():
            return "GUNICORN_CMD_ARGS", int(following)
    return "", 1


def _shown_secrets(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look for secrets in the settings that obskit shows: names, addresses, attributes of every span."""
    names = {name for each in SETTINGS if "headers" not in each.name for name in each.variables}
    found = [name for name in sorted(names) if redact_text(environ.get(name, "")) != environ.get(name, "")]
    pairs = (pair.partition("=") for pair in environ.get(_RESOURCE, "").split(","))
    if any(is_secret_key(key.strip()) or redact_text(value) != value for key, _, value in pairs):
        found.append(_RESOURCE)
    if found:
        fix = "take it out; a token for the collector belongs into OTEL_EXPORTER_OTLP_HEADERS"
        yield fail(
            "settings secrets", f"{', '.join(found)} holds what looks like a secret, and is shown", fix
        )
    else:
        yield ok("settings secrets", "none in what obskit shows")

"""Settings of the library: one line each, with the variable that sets it, its default and its help.

Arguments of :func:`obskit.init` win over ``OTEL_*`` variables, those over ``OBSKIT_*``
variables, those over the defaults. Values are checked once, at start.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypedDict
from urllib.parse import unquote, urlsplit

from obskit.errors import ConfigError

__all__ = ["LEVELS", "SETTINGS", "Arguments", "Setting", "Settings"]

LEVELS = ("debug", "info", "warning", "error", "critical")


class Setting(NamedTuple):
    """One setting: field of :class:`Settings`, variables in order of precedence, default, help, parser."""

    name: str
    variables: tuple[str, ...]
    default: Any
    help: str
    parse: Callable[[str], Any] = str


def _refuse(accepted: str) -> NoReturn:
    raise ValueError(accepted)


def _flag(value: str) -> bool:
    lowered = value.lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    _refuse("use true or false")


def _choice(*accepted: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in accepted:
            _refuse(f"use {', '.join(accepted[:-1])} or {accepted[-1]}")
        return value.lower()

    return parse


def _number(minimum: float, unit: str) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not minimum <= number < float("inf"):
            _refuse(f"use a number of {unit}, {minimum:g} or more")
        return number

    return parse


def _count(minimum: int, unit: str) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or int(value) < minimum:
            _refuse(f"use a whole number of {unit}, {minimum} or more")
        return int(value)

    return parse


def _fraction(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        _refuse("use a fraction from 0 to 1")
    return number


def _url(value: str) -> str:
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
        _refuse("use an address such as http://127.0.0.1:4318")
    return value.rstrip("/")


def _name(value: str) -> str:
    if not value.strip():
        _refuse("use a name such as orders")
    return value.strip()


def _headers(value: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if any(not key.strip() or not equals for key, equals, _ in pairs):
        _refuse("use key=value pairs, separated by commas")
    return {key.strip(): unquote(text.strip()) for key, _, text in pairs}


_OTLP = "OTEL_EXPORTER_OTLP"

SETTINGS = (
    Setting("service", ("OTEL_SERVICE_NAME",), "unknown_service", "Name of the service.", _name),
    Setting("version", ("OBSKIT_SERVICE_VERSION",), "0", "Version of the service.", _name),
    Setting("environment", ("OBSKIT_ENVIRONMENT",), "development", "Deployment environment.", _name),
    Setting("revision", ("OBSKIT_REVISION",), "", "Source revision, for deploy annotations."),
    Setting("log_level", ("OBSKIT_LOG_LEVEL",), "info", "Least level that is written.", _choice(*LEVELS)),
    Setting("log_dir", ("OBSKIT_LOG_DIR",), None, "Folder for one JSON log file a process.", Path),
    Setting(
        "log_format",
        ("OBSKIT_LOG_FORMAT",),
        "auto",
        "Format on stdout: json, console, none, or auto (console on a terminal, else json).",
        _choice("auto", "json", "console", "none"),
    ),
    Setting(
        "log_max_bytes",
        ("OBSKIT_LOG_MAX_BYTES",),
        50_000_000,
        "Size in bytes at which a log file is rotated.",
        _count(10_000, "bytes"),
    ),
    Setting(
        "log_backups",
        ("OBSKIT_LOG_BACKUPS",),
        3,
        "Rotated log files that are kept.",
        _count(1, "files"),
    ),
    Setting(
        "log_rate",
        ("OBSKIT_LOG_RATE",),
        0.0,
        "Lines a second that one event may write, errors aside; 0 is no limit.",
        _number(0, "lines"),
    ),
    Setting(
        "log_sample",
        ("OBSKIT_LOG_SAMPLE",),
        1.0,
        "Fraction of traces of which debug and info lines are written.",
        _fraction,
    ),
    Setting(
        "traces_exporter",
        ("OTEL_TRACES_EXPORTER",),
        "auto",
        "Where spans go: otlp, none, or auto (otlp when an endpoint is set).",
        _choice("auto", "otlp", "none"),
    ),
    Setting(
        "otlp_traces_endpoint",
        (f"{_OTLP}_TRACES_ENDPOINT",),
        None,
        "Full address for spans, used as it is.",
        _url,
    ),
    Setting(
        "otlp_endpoint",
        (f"{_OTLP}_ENDPOINT",),
        None,
        "Base address of an OTLP/HTTP collector; /v1/traces is added.",
        _url,
    ),
    Setting(
        "otlp_headers",
        (f"{_OTLP}_TRACES_HEADERS", f"{_OTLP}_HEADERS"),
        {},
        "Headers for the collector, key=value,key=value; never shown.",
        _headers,
    ),
    Setting(
        "traces_sampler",
        ("OTEL_TRACES_SAMPLER",),
        "parentbased_always_on",
        "Which traces are sampled when they begin.",
        _choice(
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ),
    ),
    Setting(
        "traces_sampler_arg",
        ("OTEL_TRACES_SAMPLER_ARG",),
        1.0,
        "Fraction of traces for the two samplers by ratio.",
        _fraction,
    ),
    Setting(
        "traces_tail",
        ("OBSKIT_TRACES_TAIL",),
        False,
        "Keep this process's part of failed and slow traces that the sampler leaves out.",
        _flag,
    ),
    Setting(
        "traces_slow_ms",
        ("OBSKIT_TRACES_SLOW_MS",),
        1000.0,
        "Milliseconds from which traces_tail calls a trace slow.",
        _number(0, "milliseconds"),
    ),
    Setting(
        "max_series",
        ("OBSKIT_MAX_SERIES",),
        2000,
        "Label sets that one metric may have; more go to one overflow series.",
        _count(1, "series"),
    ),
    Setting(
        "shutdown_s",
        ("OBSKIT_SHUTDOWN_S",),
        5.0,
        "Seconds that all flushing at shutdown may take together.",
        _number(0, "seconds"),
    ),
    Setting(
        "drain_s",
        ("OBSKIT_DRAIN_S",),
        0.0,
        "Seconds between readiness answering 503 and closing.",
        _number(0, "seconds"),
    ),
    Setting(
        "loop_blocked_ms",
        ("OBSKIT_LOOP_BLOCKED_MS",),
        500.0,
        "Milliseconds from which a call that blocks the event loop is logged, with its line; 0 for never.",
        _number(0, "milliseconds"),
    ),
    Setting(
        "db_slow_ms",
        ("OBSKIT_DB_SLOW_MS",),
        200.0,
        "Milliseconds from which a database statement is slow.",
        _number(0, "milliseconds"),
    ),
    Setting(
        "db_explain",
        ("OBSKIT_DB_EXPLAIN",),
        "plan",
        "Plan of slow statements: off, plan (EXPLAIN), or analyze (runs a slow SELECT once more).",
        _choice("off", "plan", "analyze"),
    ),
    Setting(
        "db_repeats",
        ("OBSKIT_DB_REPEATS",),
        10,
        "Times a request may run one statement before it is reported as N+1.",
        _count(2, "times"),
    ),
)
"""Every setting of the library; the reference table and ``obskit doctor`` are made from it."""


class Arguments(TypedDict, total=False):
    """The arguments of :func:`obskit.init`; one left out, or None, takes the variable or the default."""

    service: str | None
    version: str | None
    environment: str | None
    revision: str | None
    log_level: str | None
    log_dir: str | Path | None
    log_format: str | None
    log_max_bytes: int | None
    log_backups: int | None
    log_rate: float | None
    log_sample: float | None
    traces_exporter: str | None
    otlp_traces_endpoint: str | None
    otlp_endpoint: str | None
    otlp_headers: str | Mapping[str, str] | None
    traces_sampler: str | None
    traces_sampler_arg: float | None
    traces_tail: bool | None
    traces_slow_ms: float | None
    max_series: int | None
    shutdown_s: float | None
    drain_s: float | None
    loop_blocked_ms: float | None
    db_slow_ms: float | None
    db_explain: str | None
    db_repeats: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings of one process. Build it with :meth:`load`."""

    service: str
    version: str
    environment: str
    revision: str
    log_level: str
    log_dir: Path | None
    log_format: str
    log_max_bytes: int
    log_backups: int
    log_rate: float
    log_sample: float
    traces_exporter: str
    otlp_traces_endpoint: str | None
    otlp_endpoint: str | None
    otlp_headers: Mapping[str, str] = field(repr=False)  # may carry a token
    traces_sampler: str
    traces_sampler_arg: float
    traces_tail: bool
    traces_slow_ms: float
    max_series: int
    shutdown_s: float
    drain_s: float
    loop_blocked_ms: float
    db_slow_ms: float
    db_explain: str
    db_repeats: int

    @classmethod
    def load(cls, arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> "Settings":
        """Merge arguments, variables and defaults.

        Raises:
            ConfigError: a value cannot be used; the text names it, what is accepted and the fix.
        """
        unknown = arguments.keys() - {item.name for item in fields(cls)}
        if unknown:
            accepted = ", ".join(item.name for item in SETTINGS)
            msg = f"init() has no setting {min(unknown)!r}; the settings are {accepted}."
            raise ConfigError(msg)
        source = os.environ if environ is None else environ
        return cls(**{item.name: _value(item, arguments, source) for item in SETTINGS})

    @property
    def traces_url(self) -> str | None:
        """The address that spans are posted to, or None when they are not exported."""
        if self.traces_exporter == "none":
            return None
        if self.otlp_traces_endpoint is not None:
            return self.otlp_traces_endpoint
        if self.otlp_endpoint is not None:
            return f"{self.otlp_endpoint}/v1/traces"
        return "http://127.0.0.1:4318/v1/traces" if self.traces_exporter == "otlp" else None


def _value(setting: Setting, arguments: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    argument = arguments.get(setting.name)
    if argument is not None:
        if not isinstance(argument, (str, int, float, Path)):  # a mapping of headers is taken as it is
            return argument
        return _parsed(setting, str(argument), f"{setting.name}=")
    for variable in setting.variables:
        # OpenTelemetry: an empty variable is an unset one.
        if environ.get(variable):
            return _parsed(setting, environ[variable], f"{variable}=")
    return setting.default


def _parsed(setting: Setting, text: str, origin: str) -> Any:
    try:
        return setting.parse(text)
    except ValueError as error:
        shown = "(hidden)" if "headers" in setting.name else repr(text)
        msg = f"{origin}{shown} is not accepted for {setting.name}; {error}."
        raise ConfigError(msg) from error

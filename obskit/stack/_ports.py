"""The ports of the stack, all on the loopback interface."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from obskit.errors import ConfigError, StackError
from obskit.stack._holders import explain

__all__ = ["LOOPBACK", "PORTS", "Port", "check_free", "is_free", "parse_port", "resolve_ports", "variable"]

LOOPBACK = "127.0.0.1"
_HIGHEST = 65535


@dataclass(frozen=True, slots=True)
class Port:
    """One port: its name on the command line, its default, and what listens there."""

    name: str
    default: int
    what: str


PORTS = (
    Port("traefik", 8080, "Traefik, the door to the gateways (HTTP)"),
    Port("traefik-tls", 8443, "Traefik (HTTPS)"),
    Port("traefik-admin", 8090, "Traefik's own page and metrics"),
    Port("gateway", 8081, "the gateway service"),
    Port("gateway-2", 8082, "the second replica of the gateway service"),
    Port("users", 8101, "the users service"),
    Port("orders", 8102, "the orders service"),
    Port("inventory", 8103, "the inventory service"),
    Port("payments", 8104, "the payments service"),
    Port("notifications", 8105, "the notifications service"),
    Port("smtp", 8025, "the mail provider (SMTP)"),
    Port("provider", 8114, "the payment provider"),
    Port("prometheus", 9090, "Prometheus"),
    Port("alertmanager", 9093, "Alertmanager"),
    Port("console", 8600, "the console"),
    Port("pager", 8601, "the pager"),
    Port("supervisor", 8602, "the supervisor, which switches faults of the stack"),
    Port("loki", 3100, "the log store (Loki's API)"),
    Port("tempo", 3200, "the trace store (Tempo's API)"),
    Port("otlp", 4318, "the trace store (OTLP over HTTP)"),
    Port("loki-grpc", 9096, "Loki inside, where it is a program of this machine"),
    Port("tempo-grpc", 9095, "Tempo inside, where it is a program of this machine"),
    Port("shipper", 3101, "what ships logs, where they go to a Loki"),
    Port("nats", 4222, "NATS"),
    Port("nats-monitor", 8222, "NATS monitoring"),
    Port("loadgen", 8190, "metrics of the load generator"),
)
"""Every port; ``obskit up --help`` is made from it."""

_NAMES = tuple(port.name for port in PORTS)


def variable(name: str) -> str:
    """Return the environment variable that sets the port *name*."""
    return f"OBSKIT_PORT_{name.upper().replace('-', '_')}"


def parse_port(text: str) -> tuple[str, int]:
    """Split ``NAME=N`` into its parts.

    Raises:
        ConfigError: the name is not in the table or the number is not a port.
    """
    name, _, number = text.partition("=")
    if name not in _NAMES:
        msg = f"{text!r} is not a port setting; use NAME=N with one of {', '.join(_NAMES)}."
        raise ConfigError(msg)
    return name, _number(number, f"--port {text}")


def resolve_ports(
    chosen: Mapping[str, int] | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Return the number of every port: *chosen*, else its variable, else the default.

    Raises:
        ConfigError: a variable has no port number, or two ports have the same.
    """
    source = os.environ if environ is None else environ
    ports = {port.name: port.default for port in PORTS}
    for name in _NAMES:
        if source.get(variable(name)):
            ports[name] = _number(source[variable(name)], f"{variable(name)}={source[variable(name)]}")
    ports |= chosen or {}
    _refuse_doubles(ports)
    return ports


def _number(text: str, origin: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= _HIGHEST:
        return int(text)
    msg = f"{origin} is not a port; use a number from 1 to {_HIGHEST}."
    raise ConfigError(msg)


def _refuse_doubles(ports: Mapping[str, int]) -> None:
    owners: dict[int, str] = {}
    for name, number in ports.items():
        other = owners.setdefault(number, name)
        if other != name:
            msg = f"Ports {other} and {name} are both {number}; give one of them another with --port NAME=N."
            raise ConfigError(msg)


def check_free(ports: Mapping[str, int]) -> None:
    """Pass when nothing listens on any of *ports* (name to number).

    Raises:
        StackError: a port is taken; the text names who holds it where that can be seen.
    """
    for name, number in ports.items():
        if not is_free(number):
            message, fix = explain(name, number, variable(name))
            raise StackError(message, fix=fix)


def is_free(number: int) -> bool:
    """Tell whether nothing listens on port *number* of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        # A server on all interfaces leaves the loopback address bindable on some systems.
        if probe.connect_ex((LOOPBACK, number)) == 0:
            return False
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger do not count
        try:
            listener.bind((LOOPBACK, number))
        except OSError:
            return False
    return True

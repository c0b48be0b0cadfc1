"""Writes the rules and the routes for servers that run on this machine, without containers."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules._links import BOARDS, console_link
from obskit.rules._load import RuleFile, load_alertmanager, load_rules, rule_paths
from obskit.rules._timescale import scale_alertmanager, scale_rules
from obskit.rules._yaml import as_yaml, write_whole

__all__ = ["NativeRules", "write_native"]

# The addresses in the committed files: a person's browser, and Alertmanager in its container.
_BROWSER_PAGER = "http://127.0.0.1:8601"
_CONTAINER_PAGER = "http://pager:8601"

_Addresses = dict[str, str | None]
"""Where each address of the shipped files is on this machine; None leaves the link out."""
_Onward = Callable[[str], str]
"""Turns a link into the one of the program that shows boards here."""


_NOTHING: Mapping[str, RuleFile] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NativeRules:
    """The files that were written; Prometheus's ``rule_files`` should name these and no others."""

    rule_files: tuple[Path, ...]
    alertmanager: Path


def write_native(  # noqa: PLR0913 - what differs from stack to stack, each by its name
    destination: Path,
    *,
    factor: float,
    scrape_interval_s: float,
    pager_url: str,
    routing_key_file: Path,
    board_url: str | None,
    boards: Literal["console", "grafana"] = "console",
    extra: Mapping[str, RuleFile] = _NOTHING,
    without: Collection[str] = (),
    gone: Collection[str] = (),
    alertmanager_pager_url: str = "",
) -> NativeRules:
    """Write copies of the shipped rules and routes into *destination*, which is made when missing.

    *factor* is the time scale (1 is production). Links and notifications go to *pager_url*
    and *board_url*, which is the console's address or, with *boards* "grafana", a Grafana's: the
    two have the same pages of boards, and each its own page of logs. With no *board_url* the
    links to boards and logs are left out.
    *extra* are rules of somebody's own, by the name of the file to write; shipped files that
    *without* names are left out. *gone* are services that were taken out on purpose, of which ServiceAbsent
    says nothing.
    Alertmanager sends to *alertmanager_pager_url* where it calls the pager otherwise than a person does.
    *routing_key_file* is read by Alertmanager itself, so no copy holds the key.

    Raises:
        ConfigError: a number or an address is not accepted, or a shipped file is broken.
        StackError: the installation is incomplete.
    """
    addresses = _addresses(pager_url, board_url)
    if alertmanager_pager_url:
        addresses[_CONTAINER_PAGER] = alertmanager_pager_url
    onward = console_link if boards == "console" else str
    destination.mkdir(parents=True, exist_ok=True)
    written = []
    shipped = {path.name: load_rules(path) for path in rule_paths() if path.name not in without}
    for name, content in {**shipped, **extra}.items():
        rules = scale_rules(_forgiven(content, gone), factor=factor, scrape_interval_s=scrape_interval_s)
        written.append(_write(destination / name, _readdressed_rules(rules, addresses, onward), factor))
    routes = scale_alertmanager(
        load_alertmanager(asset("alerts", "alertmanager.yml")),
        factor=factor,
        scrape_interval_s=scrape_interval_s,
    )
    routes = _readdressed(routes, addresses, str)
    for receiver in _pagerduty(routes):
        receiver["routing_key_file"] = str(routing_key_file.absolute())
    alertmanager = _write(destination / "alertmanager.yml", routes, factor)
    return NativeRules(tuple(written), alertmanager)


def _forgiven(content: RuleFile, gone: Collection[str]) -> RuleFile:
    """Return *content* with its ServiceAbsent blind to the services *gone*."""
    named = f'service_name!~"|{"|".join(gone)}"'
    for rule in (rule for group in content["groups"] for rule in group["rules"]):
        if gone and rule.get("alert") == "ServiceAbsent":
            rule["expr"] = rule["expr"].replace('service_name!=""', named)
    return content


def _addresses(pager_url: str, board_url: str | None) -> _Addresses:
    for url in (pager_url, board_url):
        if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            msg = f"The address {url!r} is not accepted; use one such as http://127.0.0.1:8601."
            raise ConfigError(msg)
    pager = pager_url.rstrip("/")
    return {
        _BROWSER_PAGER: pager,
        _CONTAINER_PAGER: pager,
        BOARDS: board_url.rstrip("/") if board_url is not None else None,
    }


def _readdressed_rules(rules: RuleFile, addresses: _Addresses, onward: _Onward) -> RuleFile:
    return cast("RuleFile", _readdressed(cast("dict[str, Any]", rules), addresses, onward))


def _readdressed(content: dict[str, Any], addresses: _Addresses, onward: _Onward) -> dict[str, Any]:
    """Copy *content* with other addresses; a key whose address has no successor is left out."""
    copied = {key: _moved(value, addresses, onward) for key, value in content.items()}
    return {key: value for key, value in copied.items() if value is not None}


def _moved(value: Any, addresses: _Addresses, onward: _Onward) -> Any:
    if isinstance(value, dict):
        return _readdressed(value, addresses, onward)
    if isinstance(value, list):
        return [_moved(item, addresses, onward) for item in value]
    if isinstance(value, str):
        value = onward(value)
        for old, new in addresses.items():
            if value.startswith(old + "/"):
                return None if new is None else new + value.removeprefix(old)
    return value


def _pagerduty(routes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for receiver in routes["receivers"]:
        yield from receiver.get("pagerduty_configs", [])


def _write(path: Path, content: Any, factor: float) -> Path:
    head = f"# Written by obskit from alerts/{path.name} at time scale {factor:g}; changes here are lost.\n"
    return write_whole(path, head + as_yaml(content))

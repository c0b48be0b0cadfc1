"""Writes the rules and the routes for servers that run on this machine, without containers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

from obskit._assets import asset
from obskit.errors import ConfigError
from obskit.rules._load import RuleFile, load_alertmanager, load_rules, rule_paths
from obskit.rules._timescale import scale_alertmanager, scale_rules

__all__ = ["NativeRules", "write_native"]

# The addresses in the committed files: a person's browser, and Alertmanager in its container.
_BROWSER_PAGER = "http://127.0.0.1:8601"
_CONTAINER_PAGER = "http://pager:8601"
_BOARDS = "http://127.0.0.1:3000"


@dataclass(frozen=True, slots=True)
class NativeRules:
    """The files that were written; Prometheus's ``rule_files`` should name these and no others."""

    rule_files: tuple[Path, ...]
    alertmanager: Path


def write_native(  # noqa: PLR0913 - six things of the machine differ, and the stack names each
    destination: Path,
    *,
    factor: float,
    scrape_interval_s: float,
    pager_url: str,
    routing_key_file: Path,
    board_url: str | None,
) -> NativeRules:
    """Write copies of the shipped rules and routes into *destination*, which is made when missing.

    *factor* is the time scale (1 is production). Links and notifications go to *pager_url*
    and *board_url*; with no *board_url*, links that need a Grafana are left out.
    *routing_key_file* is read by Alertmanager itself, so no copy holds the key.

    Raises:
        ConfigError: a number or an address is not accepted, or a shipped file is broken.
        StackError: the installation is incomplete.
    """
    addresses = _addresses(pager_url, board_url)
    destination.mkdir(parents=True, exist_ok=True)
    written = []
    for path in rule_paths():
        rules = scale_rules(load_rules(path), factor=factor, scrape_interval_s=scrape_interval_s)
        written.append(_write(destination / path.name, _readdressed_rules(rules, addresses), factor))
    routes = scale_alertmanager(
        load_alertmanager(asset("alerts", "alertmanager.yml")),
        factor=factor,
        scrape_interval_s=scrape_interval_s,
    )
    routes = _readdressed(routes, addresses)
    for receiver in _pagerduty(routes):
        receiver["routing_key_file"] = str(routing_key_file.absolute())
    alertmanager = _write(destination / "alertmanager.yml", routes, factor)
    return NativeRules(tuple(written), alertmanager)


def _addresses(pager_url: str, board_url: str | None) -> dict[str, str | None]:
    for url in (pager_url, board_url):
        if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            msg = f"The address {url!r} is not accepted; use one such as http://127.0.0.1:8601."
            raise ConfigError(msg)
    pager = pager_url.rstrip("/")
    return {
        _BROWSER_PAGER: pager,
        _CONTAINER_PAGER: pager,
        _BOARDS: board_url.rstrip("/") if board_url is not None else None,
    }


def _readdressed_rules(rules: RuleFile, addresses: dict[str, str | None]) -> RuleFile:
    return cast("RuleFile", _readdressed(cast("dict[str, Any]", rules), addresses))


def _readdressed(content: dict[str, Any], addresses: dict[str, str | None]) -> dict[str, Any]:
    """Copy *content* with other addresses; a key whose address has no successor is left out."""
    copied = {key: _moved(value, addresses) for key, value in content.items()}
    return {key: value for key, value in copied.items() if value is not None}


def _moved(value: Any, addresses: dict[str, str | None]) -> Any:
    if isinstance(value, dict):
        return _readdressed(value, addresses)
    if isinstance(value, list):
        return [_moved(item, addresses) for item in value]
    if isinstance(value, str):
        for old, new in addresses.items():
            if value.startswith(old + "/"):
                return None if new is None else new + value.removeprefix(old)
    return value


def _pagerduty(routes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for receiver in routes["receivers"]:
        yield from receiver.get("pagerduty_configs", [])


class _Dumper(yaml.SafeDumper):
    """Writes long texts as blocks, so that a person can read the copies."""


def _block_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block_text)
# A rule that shares a text by an anchor gets its own copy: easier to read, and to compare.
_Dumper.ignore_aliases = lambda _self, _data: True  # type: ignore[method-assign,assignment]


def _write(path: Path, content: Any, factor: float) -> Path:
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    partial = path.with_suffix(".partial")
    partial.write_text(
        f"# Written by obskit from alerts/{path.name} at time scale {factor:g}; changes here are lost.\n{text}",
        encoding="utf-8",
    )
    # A server that reloads meanwhile reads the old file or the new one, never half of one.
    return partial.replace(path)

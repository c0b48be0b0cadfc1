"""Writes the shipped rules with somebody's own labels, bucket bounds and objectives."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from obskit._assets import asset
from obskit._mixin import SLOW_S, Mixin
from obskit.catalog import SERVICE_LABEL
from obskit.errors import ConfigError
from obskit.rules._burn import burn_rules
from obskit.rules._load import Rule, RuleFile, load_alertmanager, load_rules, rule_paths
from obskit.rules._objective import Objective, objective
from obskit.rules._yaml import as_yaml, write_whole

__all__ = ["write_mixed"]

_OBJECTIVES = "objectives.yaml"
_TEXTS = ("matchers", "source_matchers", "target_matchers")


def write_mixed(mixin: Mixin, destination: Path, source: Path | None = None) -> list[Path]:
    """Write every rule file and the routes with *mixin* into *destination*; return what was written.

    *source* is the ``slo.yaml`` that the rules of objectives are made from.

    Raises:
        ConfigError: an objective of the mixin is none of *source*, or is not accepted.
        StackError: the installation is incomplete.
    """
    destination.mkdir(parents=True, exist_ok=True)
    files = {path.name: load_rules(path) for path in rule_paths() if path.name != _OBJECTIVES}
    files[_OBJECTIVES] = burn_rules(_objectives(mixin, source or asset("alerts", "slo.yaml")))
    head = '# Written by "obskit alerts build --config"; changes here are lost.\n'
    written = [
        write_whole(destination / name, head + as_yaml(_mixed(content, mixin)))
        for name, content in sorted(files.items())
    ]
    routes = _routed(load_alertmanager(asset("alerts", "alertmanager.yml")), mixin)
    return [*written, write_whole(destination / "alertmanager.yml", head + as_yaml(routes))]


def _objectives(mixin: Mixin, source: Path) -> list[Objective]:
    entries = yaml.safe_load(source.read_text(encoding="utf-8"))["objectives"]
    known = {f"{entry['service']}.{entry['name']}" for entry in entries}
    for name in mixin.objectives:
        if name not in known:
            msg = f"mixin.objectives names {name!r}; {source.name} has {', '.join(sorted(known))}."
            raise ConfigError(msg)
    return [objective(_promised(entry, mixin)) for entry in entries]


def _promised(entry: Mapping[str, Any], mixin: Mixin) -> dict[str, Any]:
    percent = mixin.objectives.get(f"{entry['service']}.{entry['name']}", entry["objective"])
    sli = dict(entry["sli"])
    if sli["kind"] == "latency" and sli["threshold_s"] == SLOW_S:
        sli["threshold_s"] = mixin.slow_s
    return {**entry, "objective": percent, "sli": sli}


def _mixed(content: RuleFile, mixin: Mixin) -> dict[str, Any]:
    groups = [
        {**group, "rules": [_rule(rule, mixin) for rule in group["rules"]]} for group in content["groups"]
    ]
    return {"groups": groups}


def _rule(rule: Rule, mixin: Mixin) -> dict[str, Any]:
    mixed: dict[str, Any] = {**rule, "expr": mixin.promql(rule["expr"])}
    if "labels" in rule:
        names = {SERVICE_LABEL: mixin.service_label}
        mixed["labels"] = {
            names.get(key, key): mixin.template(value) for key, value in rule["labels"].items()
        }
    if "annotations" in rule:
        mixed["annotations"] = {key: mixin.template(text) for key, text in rule["annotations"].items()}
    return mixed


def _routed(value: Any, mixin: Mixin, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _routed(each, mixin, name) for name, each in value.items()}
    if isinstance(value, list) and key in {"group_by", "equal"}:
        return mixin.labels(cast("list[str]", value))
    if isinstance(value, list):
        return [_routed(each, mixin, key) for each in value]
    if isinstance(value, str):
        return mixin.promql(value) if key in _TEXTS else mixin.template(value)
    return value

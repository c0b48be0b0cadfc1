"""The kit that ``alerts/`` is written with: load rules, rescale their time, write native copies."""

from obskit.rules._load import Group, Rule, RuleFile, load_alertmanager, load_rules, rule_paths
from obskit.rules._native import NativeRules, write_native
from obskit.rules._promql import rescale_promql
from obskit.rules._timescale import TimeScale, scale_alertmanager, scale_rules

__all__ = [
    "Group",
    "NativeRules",
    "Rule",
    "RuleFile",
    "TimeScale",
    "load_alertmanager",
    "load_rules",
    "rescale_promql",
    "rule_paths",
    "scale_alertmanager",
    "scale_rules",
    "write_native",
]

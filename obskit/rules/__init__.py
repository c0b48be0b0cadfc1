"""The kit that ``alerts/`` is written with: objectives, checks, tests, other times, native copies."""

from obskit.rules._burn import burn_rules, is_current, rendered, write_objectives
from obskit.rules._check import Finding, check_alerts, listed
from obskit.rules._indicator import KINDS
from obskit.rules._links import board_url, console_link, log_query, logs_url
from obskit.rules._load import Group, Rule, RuleFile, load_alertmanager, load_rules, rule_paths
from obskit.rules._mixin import write_mixed
from obskit.rules._mutants import Mutant, Verdict, mutants, verdicts
from obskit.rules._native import NativeRules, write_native
from obskit.rules._new import add_objective
from obskit.rules._objective import WINDOWS, Objective, Pair, load_objectives, objective
from obskit.rules._promql import rescale_promql
from obskit.rules._routing import check_config, inhibition_tests, routing_tests
from obskit.rules._timescale import TimeScale, scale_alertmanager, scale_rules
from obskit.rules._unit import Coverage, Outcome, coverage, unit_files, unit_tests

__all__ = [
    "KINDS",
    "WINDOWS",
    "Coverage",
    "Finding",
    "Group",
    "Mutant",
    "NativeRules",
    "Objective",
    "Outcome",
    "Pair",
    "Rule",
    "RuleFile",
    "TimeScale",
    "Verdict",
    "add_objective",
    "board_url",
    "burn_rules",
    "check_alerts",
    "check_config",
    "console_link",
    "coverage",
    "inhibition_tests",
    "is_current",
    "listed",
    "load_alertmanager",
    "load_objectives",
    "load_rules",
    "log_query",
    "logs_url",
    "mutants",
    "objective",
    "rendered",
    "rescale_promql",
    "routing_tests",
    "rule_paths",
    "scale_alertmanager",
    "scale_rules",
    "unit_files",
    "unit_tests",
    "verdicts",
    "write_mixed",
    "write_native",
    "write_objectives",
]

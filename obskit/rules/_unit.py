"""Runs the rules' unit tests, and counts what they show of each alert."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from obskit._assets import asset
from obskit.rules._load import load_rules, rule_paths
from obskit.rules._programs import program, run

__all__ = ["Coverage", "Outcome", "coverage", "unit_files", "unit_tests"]

_AT_ONCE = 2
LEAST_FIRES = 1
LEAST_QUIET = 3  # two must not fire, one has resolved


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether one check went well; *said* is what it printed when it did not."""

    name: str
    passed: bool
    said: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often the unit tests show that an alert fires, and that it does not."""

    alert: str
    fires: int
    quiet: int

    @property
    def is_enough(self) -> bool:
        """Whether it is shown to fire, twice not to, and to resolve; what always fires cannot."""
        always = self.alert == "Watchdog"
        return self.fires >= LEAST_FIRES and (always or self.quiet >= LEAST_QUIET)


def unit_files(folder: Path | None = None) -> list[Path]:
    """Return the files of unit tests, by name.

    Raises:
        StackError: the installation is incomplete.
    """
    return sorted((folder or asset("alerts", "tests")).glob("*.test.yaml"))


def unit_tests(paths: Sequence[Path]) -> list[Outcome]:
    """Run promtool on each of *paths*, two at a time; one outcome a file.

    Raises:
        StackError: promtool is not installed.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_tested, paths))


def _tested(path: Path) -> Outcome:
    code, said = run(program("promtool"), "test", "rules", str(path))
    return Outcome(path.name, code == 0, said if code else "")


def coverage(paths: Sequence[Path]) -> list[Coverage]:
    """Return how often the tests in *paths* show each shipped alert firing and quiet."""
    fires: Counter[str] = Counter()
    quiet: Counter[str] = Counter()
    for path in paths:
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for check in case.get("alert_rule_test", ()):
                (fires if check["exp_alerts"] else quiet)[check["alertname"]] += 1
    return [Coverage(name, fires[name], quiet[name]) for name in _names()]


def _names() -> list[str]:
    found = [
        rule["alert"]
        for path in rule_paths()
        for group in load_rules(path)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    return sorted(set(found))

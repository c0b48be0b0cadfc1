"""The contract of the fault catalogue: each row moves its panel, leaves evidence, pages and resolves."""

import json
import shutil
from pathlib import Path

import pytest

PROVEN = Path(__file__).parents[2] / "prove"
ONE = "users-errors"
"""The demo shows two pages, this a ticket; make prove all rows."""

HEAD = ("id", "passed", "level", "at", "seconds", "checks")
CHECKS = ["panel", "log", "span", "alert", "incident", "links", "others", "resolved"]


def verify(running, *arguments, timeout):
    answer = running.run("fault", "verify", *arguments, "--json", f"--home={running.home}", timeout=timeout)
    assert answer.returncode in {0, 1}, answer.stderr
    rows = {row["id"]: row for row in json.loads(answer.stdout)["faults"]}
    missed = {name: broken(row) for name, row in rows.items() if not row["passed"]}
    assert not missed, json.dumps(missed, indent=2)
    assert answer.returncode == 0, answer.stderr
    return rows


def broken(row):
    return {name: check["said"] for name, check in row["checks"].items() if not check["passed"]}


def test_a_fault_shows_pages_and_resolves(running):
    row = verify(running, ONE, timeout=600)[ONE]

    assert row.keys() >= set(HEAD)
    assert list(row["checks"]) == CHECKS
    checks = row["checks"]
    assert checks["alert"]["after_s"] <= 60
    assert checks["incident"]["id"].startswith("INC-")
    assert checks["log"]["line"]
    assert checks["resolved"]["after_s"] > 0


def test_faults_are_off_afterwards(running):
    answer = running.run("fault", "status", "--json", f"--home={running.home}")

    assert {row["level"] for row in json.loads(answer.stdout)} == {0}


@pytest.mark.prove
def test_every_fault_of_the_catalogue_does(quiet):
    report = quiet.home.parent / "faults.json"
    listed = json.loads(quiet.run("fault", "list", "--json").stdout)
    try:
        rows = verify(quiet, "--all", f"--report={report}", timeout=150 * len(listed))
    finally:
        PROVEN.mkdir(exist_ok=True)
        shutil.copyfile(report, PROVEN / "faults.json")
    assert rows.keys() == {row["id"] for row in listed}
    times = sorted(row["seconds"] for row in rows.values())
    assert times[len(times) // 2] <= 45

import importlib.util
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.fixture
def table():
    spec = importlib.util.spec_from_file_location("bench_table", FOLDER / "table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_shows_the_figures_of_the_committed_run(table):
    result = json.loads((FOLDER.parents[1] / "bench.json").read_text())
    readme = table.README.read_text()
    assert "<!-- bench:begin -->" in readme
    assert table.made(result) in readme, "run: make bench"
    assert result["versions"], "the peers' versions are named"


def test_a_budget_that_is_missed_is_told_so_and_one_that_was_not_measured_is_left_out(table):
    stack = {"figures": {"up_s": 20.0, "pss_mb": 1700.0}, "load_before": 0.1}
    machine = {"cpu": "x", "cores": 2, "system": "s", "python": "3.11"}
    shown = table.made({"parts": {"ready": stack}, "machine": machine}).split("\n\n")[0]
    held = {
        cells[1].strip(): cells[4].strip() for cells in (row.split("|") for row in shown.splitlines()[2:])
    }
    assert held == {"`obskit up` to ready": "yes", "memory of the whole stack": "**no**"}


def test_the_store_is_shown_as_it_grows(table):
    grown = {
        f"{name}_{size}_{unit}": 1.0
        for size in (100, 10)
        for name, unit in (("tail", "lines_s"), ("filter_all", "s"))
    }
    shown = table._embedded({"embedded": {**grown, "tail_lines_s": 1.0, "pss_mb": 9.0}})
    assert shown.splitlines()[0] == "| embedded store | 10 lines | 100 lines |"
    assert shown.splitlines()[2:] == ["| tail, lines a second | 1 | 1 |", "| filter all, s | 1 | 1 |"]

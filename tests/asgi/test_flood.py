"""Scanners send random paths and methods; the series and the memory do not follow them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MEGABYTES_20 = 20 * 1024 * 1024
ROUTES = ["/items/{item}", "/sub/{tenant}/things/{tid}", "/sub/{tenant}/{path}", "unmatched"]


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.prove)])
def test_random_paths_and_methods_make_no_new_series_and_take_no_memory(count):
    environ = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    command = [sys.executable, str(Path(__file__).with_name("flood.py")), str(count)]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    cost = json.loads(result.stdout)
    assert cost["routes"] == ROUTES
    assert cost["series"] < 1000
    assert cost["grown"] < MEGABYTES_20

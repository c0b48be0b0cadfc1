import json
import shutil
import subprocess

import pytest
import yaml

from obskit import stack
from obskit.stack import _prometheus

PORTS = {port.name: port.default for port in stack.PORTS}


@pytest.fixture
def home(tmp_path) -> stack.Home:
    home = stack.Home.at(tmp_path / "home")
    home.create()
    return home


def config(home, *, time_scale):
    path = _prometheus.write_config(home, PORTS, rule_files=[], time_scale=time_scale)
    return path, yaml.safe_load(path.read_text())


@pytest.mark.parametrize("time_scale", [1, 30])
def test_configuration_is_accepted_by_prometheus(home, time_scale):
    path, _ = config(home, time_scale=time_scale)

    promtool = shutil.which("promtool")
    checked = subprocess.run([promtool, "check", "config", path], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("time_scale", "interval"), [(1, "15s"), (30, "1s")])
def test_scrapes_faster_when_time_is_scaled(home, time_scale, interval):
    _, content = config(home, time_scale=time_scale)

    assert content["global"]["scrape_interval"] == interval
    assert content["global"]["evaluation_interval"] == interval


def test_targets_carry_the_name_of_their_service(home):
    _, content = config(home, time_scale=1)
    _prometheus.write_targets(home, {"pager": 8601})

    (job,) = content["scrape_configs"]
    assert job["honor_labels"] is True
    (group,) = json.loads((home.targets / "pager.json").read_text())
    assert group == {"targets": ["127.0.0.1:8601"], "labels": {"service_name": "pager"}}


def test_target_that_comes_and_goes_is_no_outage_when_it_goes(home):
    _prometheus.add_target(home, "loadgen", 8190)

    (group,) = json.loads((home.targets / "loadgen.json").read_text())
    assert group == {"targets": ["127.0.0.1:8190"], "labels": {}}

    _prometheus.remove_target(home, "loadgen")
    _prometheus.remove_target(home, "loadgen")
    assert not (home.targets / "loadgen.json").exists()

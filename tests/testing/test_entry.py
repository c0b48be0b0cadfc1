"""The pytest plugin: there when obskit is installed, and out of the way until a test asks for it."""

import subprocess
import sys
from pathlib import Path

import _obskit_pytestplugin
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path):
    """Runs pytest on one file in a process of its own, outside of this repository."""

    def run(source, *options):
        (tmp_path / "test_shop.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    return run


def test_installed_plugin_is_the_one_of_this_tree():
    source = (ROOT / "obskit" / "testing" / "_entry.py").read_text()

    assert Path(_obskit_pytestplugin.__file__).read_text() == source, "run: make setup"


def test_run_of_somebody_else_imports_nothing_of_obskit(run):
    said = run(
        "import sys\ndef test_mine():\n    assert not [name for name in sys.modules if name.startswith('obskit')]\n"
    )

    assert "1 passed" in said


def test_fixture_captures_and_its_failure_names_what_there_was(run):
    said = run(
        "import obskit\n"
        "def test_shop(obs_capture):\n"
        "    obskit.init(service='shop')\n"
        "    obskit.get_logger().info('order.created', sku='A-1')\n"
        "    with obskit.span('price'):\n        pass\n"
        "    assert obs_capture.spans.one('price').trace_id == f'{1:032x}'\n"
        "    obs_capture.logs.one(event='order.created', sku='A-2')\n",
    )

    assert "no log line has event='order.created', sku='A-2'" in said
    assert "sku is 'A-1'" in said
    assert "_matching.py" not in said


def test_each_test_sees_its_own_telemetry_of_an_application_that_lives_on(run):
    said = run(
        "import obskit, pytest\n"
        "obskit.init(service='shop', log_format='none')\n"
        "@pytest.mark.parametrize('number', range(3))\n"
        "def test_shop(obs_capture, number):\n"
        "    with obskit.span('price'):\n        obskit.get_logger().info('order.created')\n"
        "    assert obs_capture.logs.one(event='order.created').service == 'shop'\n"
        "    assert obs_capture.logs.one(event='order.created').trace_id == f'{1:032x}'\n"
        "    obs_capture.spans.one('price')\n",
    )

    assert "3 passed" in said

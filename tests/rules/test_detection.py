"""The table of detection times in alerts/README.md is what promtool measures."""

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("detection.py")


@pytest.mark.prove
def test_the_readme_tells_the_measured_times(alerts_dir):
    code = f"import runpy; print(runpy.run_path({str(_SCRIPT)!r})['table'](), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "3 min 30 s" in done.stdout
    assert done.stdout in (alerts_dir / "README.md").read_text()

"""The fuzz tests of both stores with thousands of examples: more than 10 000 pushes and queries each."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXAMPLES = {"logs": 5_000, "traces": 4_000}
"""A test: an example is a push or a query to each of two paths or more, in at least two tests."""


@pytest.mark.prove
@pytest.mark.parametrize("side", EXAMPLES)
def test_nothing_breaks_it_however_often(side, tmp_path):
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"),
            *("--basetemp", str(tmp_path / "fuzz"), str(HERE / side / "test_fuzz.py")),
        ],
        env={**os.environ, "OBSKIT_FUZZ_EXAMPLES": str(EXAMPLES[side])},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-5_000:]
    assert re.search(r"\b[1-9]\d* passed", result.stdout)

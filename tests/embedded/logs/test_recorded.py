"""Our answers are Loki's: every recorded case."""

import json
import re
from pathlib import Path

import pytest

CASES = json.loads((Path(__file__).parent / "data" / "cases.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_answers_as_loki_does(loki, differs, name):
    case = CASES[name]
    params, expect = case["params"], case["expect"]
    answer = loki.get(f"/loki/api/v1/{case['endpoint']}", params=params)
    assert answer.status_code == expect["status"], answer.text
    if expect["status"] == 200:
        assert differs(answer.json()["data"], expect["data"], params.get("query", "")) == ""
    else:
        assert _problem(answer.text) == _problem(expect["error"])


def _problem(text):
    """The text without the place that a parser blames."""
    return re.sub(r"at line \d+, col \d+", "", text).strip()

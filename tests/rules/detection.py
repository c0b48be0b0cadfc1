"""Measures how long the burn-rate alerts take, and writes the table of alerts/README.md.

``python tests/rules/detection.py`` writes it; a test fails when it is not what this measures.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
README = ROOT / "alerts" / "README.md"
_MARKS = re.compile(r"(<!-- detection: [^\n]*-->\n).*?(<!-- /detection -->)", re.DOTALL)
_HEALTHY_MIN = 360
_A_MINUTE = 600
# What fails, for how many minutes, and how many minutes are watched after that.
SCENARIOS = {
    "every request fails": (1.0, 10, 45),
    "one in five fails": (0.2, 20, 45),
    "5 % fail": (0.05, 30, 45),
    "1 % fail": (0.01, 270, 60),
}


def measured() -> dict[str, tuple[str, str]]:
    """Return, for each scenario, after how long the first page fires and ends."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(yaml.safe_dump(_rules()))
        return {name: _times(name, _said(Path(folder), name)) for name in SCENARIOS}


def _said(folder, name):
    """Return promtool's words about one scenario; it names the time of a failure, not the case."""
    tests = folder / "detection.yaml"
    tests.write_text(yaml.safe_dump({**_content(), "tests": [_case(name, *SCENARIOS[name])]}))
    done = subprocess.run(["promtool", "test", "rules", tests], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def table() -> str:
    """Return the table in Markdown."""
    rows = [f"| {name} | {begun} | {ended} |" for name, (begun, ended) in measured().items()]
    return "\n".join(["| what happens | page after | page ends |", "|---|---|---|", *rows]) + "\n"


def _rules():
    """Return what the two pages of one objective need; the other rules would only take time."""
    groups = yaml.safe_load((ROOT / "alerts" / "objectives.yaml").read_text())["groups"]
    windows = ("5m", "30m", "1h", "6h")
    for group in groups:
        group["rules"] = [
            rule
            for rule in group["rules"]
            if rule["labels"]["slo"] == "availability"
            and (rule.get("record", "").endswith(windows) or rule["labels"].get("severity") == "page")
        ]
    return {"groups": groups}


def _content():
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "30s",
        # The slow order: an alert sees the ratio of the evaluation before.
        "group_eval_order": [
            "objectives-budget",
            "objectives-short-windows",
            "objectives-long-windows",
            "objectives-days",
        ],
    }


def _case(name, share, minutes, after):
    bad = round(share * _A_MINUTE)
    total = _HEALTHY_MIN * _A_MINUTE
    failed = f"0x{_HEALTHY_MIN} {bad}+{bad}x{minutes - 1} {bad * minutes}x{after}"
    asked = range(_HEALTHY_MIN * 2, (_HEALTHY_MIN + minutes + after) * 2)
    query = 'count(ALERTS{alertname="AvailabilityBudgetBurn", severity="page", alertstate="firing"})'
    good = _A_MINUTE - bad
    return {
        "name": name,
        "interval": "1m",
        "input_series": [
            {
                "series": 'http_server_request_duration_seconds_count{service_name="gateway", outcome="ok"}',
                "values": f"0+{_A_MINUTE}x{_HEALTHY_MIN} {total + good}+{good}x{minutes - 1} "
                f"{total + good * minutes + _A_MINUTE}+{_A_MINUTE}x{after}",
            },
            {
                "series": 'http_server_request_duration_seconds_count{service_name="gateway", outcome="server_error"}',
                "values": failed,
            },
        ],
        # Every half minute that fires is a failure that promtool names with its time.
        "promql_expr_test": [
            {"expr": query, "eval_time": f"{half * 30}s", "exp_samples": []} for half in asked
        ],
    }


def _times(name, output):
    _, minutes, after = SCENARIOS[name]
    parts = re.findall(r"time: ((?:\d+[hms])+)", output)
    begin_s, end_s = _HEALTHY_MIN * 60, (_HEALTHY_MIN + minutes) * 60
    fired = sorted({_seconds(part) for part in parts})
    if not fired:
        return "no page", "-"
    ended = fired[-1] + 30 - end_s
    return _written(fired[0] - begin_s), _written(ended) if ended < after * 60 else "later"


def _seconds(text):
    return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


def _written(seconds):
    hours, rest = divmod(seconds, 3600)
    parts = [
        f"{hours} h" if hours else "",
        f"{rest // 60} min" if rest >= 60 else "",
        f"{rest % 60} s" if rest % 60 else "",
    ]
    return " ".join(part for part in parts if part) or "at once"


if __name__ == "__main__":
    README.write_text(_MARKS.sub(lambda found: found[1] + table() + found[2], README.read_text()))
    sys.stdout.write(f"{README}\n")

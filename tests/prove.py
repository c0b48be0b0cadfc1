"""Runs the long proofs part by part, resumes where it stopped, and writes a dated report.

``make prove`` runs what has not passed yet for the current source; ``python tests/prove.py --fresh``
starts anew. A part is a pytest selection; its result is kept in ``prove/state.json``.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
STATE = ROOT / "prove" / "state.json"

PARTS = {
    "demo, first of three": ["tests/e2e/test_demo.py"],
    "demo, second of three": ["tests/e2e/test_demo.py", "-p", "no:cacheprovider"],
    "demo, third of three": ["tests/e2e/test_demo.py", "-p", "no:cacheprovider"],
    "kill and return": ["tests/e2e/test_kill.py"],
    "redaction and JSON, 10 000 examples a property": ["tests/logging", "tests/test_redaction.py"],
    "every fault, first of three": ["-m", "prove", "tests/e2e/test_faults.py"],
    "every fault, second of three": ["-m", "prove", "tests/e2e/test_faults.py", "-p", "no:cacheprovider"],
    "every fault, third of three": ["-m", "prove", "tests/e2e/test_faults.py", "-p", "no:cacheprovider"],
    "half an hour of healthy load": ["-m", "prove", "tests/e2e/test_silence.py"],
    "proofs marked as long": [
        *("-m", "prove", "tests"),
        *("--ignore", "tests/e2e/test_faults.py", "--ignore", "tests/e2e/test_silence.py"),
    ],
}


def source_hash() -> str:
    """Identify the source that a result belongs to."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, check=True).stdout
    changed = subprocess.run(["git", "diff", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    return hashlib.sha256(listed + changed).hexdigest()[:16]


def run_part(arguments: list[str]) -> tuple[bool, str]:
    """Run one part and return whether it passed, and pytest's last line."""
    environ = {**os.environ, "OBSKIT_EXAMPLES": "10000"}
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    last = (result.stdout.strip().splitlines() or ["no output"])[-1]
    return result.returncode == 0, last


def main() -> int:
    """Run the parts that have not passed for this source, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="run every part again")
    options = parser.parse_args()
    source = source_hash()
    state = json.loads(STATE.read_text()) if STATE.exists() and not options.fresh else {}
    if state.get("source") != source:
        state = {"source": source, "parts": {}}
    STATE.parent.mkdir(exist_ok=True)
    for name, arguments in PARTS.items():
        if state["parts"].get(name, {}).get("passed"):
            print(f"{name}: passed before")
            continue
        print(f"{name}: running", flush=True)
        began = time.monotonic()
        passed, last = run_part(arguments)
        state["parts"][name] = {"passed": passed, "seconds": round(time.monotonic() - began), "said": last}
        STATE.write_text(json.dumps(state, indent=2))
        print(f"{name}: {'passed' if passed else 'FAILED'} ({last})", flush=True)
    report = write_report(state)
    print(f"report: {report.relative_to(ROOT)}")
    return 0 if all(part["passed"] for part in state["parts"].values()) else 1


def write_report(state: dict) -> Path:
    """Write the report of today."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    rows = [
        f"| {name} | {'passed' if part['passed'] else 'failed'} | {part['seconds']} | {part['said']} |"
        for name, part in state["parts"].items()
    ]
    report = STATE.parent / f"report-{today}.md"
    head = [
        f"# Proofs of {today}",
        "",
        f"Source {state['source']}.",
        "",
        "| part | result | seconds | pytest |",
        "|---|---|---|---|",
    ]
    report.write_text("\n".join([*head, *rows]) + "\n")
    return report


if __name__ == "__main__":
    sys.exit(main())

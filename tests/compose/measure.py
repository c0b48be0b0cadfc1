"""Writes into compose/README.md what the containers of the running stack need.

Run it while orders are sent: it looks at every container each few seconds, for a minute, and keeps the most
memory that each had and the processor time that it took on average::

    COMPOSE_PROFILES=core,agents,samples,load obskit up --backend compose
    python tests/compose/measure.py
"""

import argparse
import datetime as dt
import json
import re
import subprocess
import sys
import time
from pathlib import Path

README = Path(__file__).parent.parent.parent / "compose" / "README.md"
STAND_INS = {"loki", "tempo", "grafana", "alloy"}
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_MIB = 1024**2


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for how long to look")
    options = parser.parse_args()
    limits: dict[str, int] = {}
    most: dict[str, int] = {}
    share: dict[str, list[float]] = {}
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        for name, used, limit, processor in looked():
            limits[name] = limit
            most[name] = max(most.get(name, 0), used)
            share.setdefault(name, []).append(processor)
    rows = [
        f"| {name} | {most[name] / _MIB:.0f} | {limits[name] / _MIB:.0f} | {sum(share[name]) / len(share[name]):.0f} |\n"
        for name in sorted(most)
        if name not in STAND_INS
    ]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    said = f"Measured on {today} for {options.seconds} s.\n\n"
    table = [said, "| service | memory, MB | limit, MB | CPU, % of a core |\n", "|---|---|---|---|\n", *rows]
    text = README.read_text()
    pattern = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
    README.write_text(pattern.sub(lambda _: "".join([BEGIN, *table, END]), text))
    sys.stdout.writelines(table)
    return 0


def looked() -> list[tuple[str, int, int, float]]:
    """Return name, memory, limit in bytes and percent of a core of each container, as it is now."""
    command = ["docker", "stats", "--no-stream", "--format", "{{json .}}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = []
    for line in told.splitlines():
        one = json.loads(line)
        name = re.sub(r"^[a-z0-9]+[-_]|[-_]\d+$", "", one["Name"])
        used, limit = (in_bytes(part) for part in one["MemUsage"].split(" / "))
        found.append((name, used, limit, float(one["CPUPerc"].rstrip("%"))))
    return found


def in_bytes(text: str) -> int:
    """Return how much "12.5MiB" is."""
    match = re.fullmatch(r"([\d.]+)([KMG]?i?B)", text)
    assert match, text
    return int(float(match[1]) * _UNITS[match[2]])


if __name__ == "__main__":
    sys.exit(main())

"""Writes the tables of the READMEs from the code, and the demo's output from a real run.

``make readme`` writes them; ``tests/test_docs.py`` fails when a table is not what this makes.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer

import obskit
from obskit import catalog
from obskit.cli._application import build
from obskit.config import SETTINGS
from sample_services.faults import load
from sample_services.labs.catalogue import LABS

ROOT = Path(__file__).parent.parent


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    """Return the table of the library's settings."""
    rows = [
        [f"`{item.name}`", ", ".join(f"`{name}`" for name in item.variables), f"`{item.default}`", item.help]
        for item in SETTINGS
    ]
    return table(["argument", "variable", "default", "what"], rows)


def metrics() -> str:
    """Return the table of metrics."""
    rows = [
        [f"`{item.name}`", item.type, ", ".join(f"`{label}`" for label in item.labels), item.help]
        for item in catalog.METRICS.values()
    ]
    return table(["metric", "type", "labels", "what"], rows)


def labels() -> str:
    """Return the table of labels and their bounds."""
    return table(["label", "values"], [[f"`{name}`", bound] for name, bound in catalog.LABELS.items()])


def events() -> str:
    """Return the table of log events."""
    return table(["event", "what"], [[f"`{name}`", text] for name, text in catalog.EVENTS.items()])


def attributes() -> str:
    """Return the table of span attributes."""
    rows = [[f"`{name}`", text] for name, text in catalog.SPAN_ATTRIBUTES.items()]
    return table(["attribute", "what"], rows)


def commands() -> str:
    """Return the table of the command line's commands."""
    root = typer.main.get_command(build())
    rows = []
    for name, command in sorted(root.commands.items()):
        subcommands = sorted(getattr(command, "commands", {}).items()) or [("", command)]
        for sub, each in subcommands:
            summary = (each.help or "").strip().splitlines()[0]
            rows.append([f"`obskit {name} {sub}`".replace(" `", "`"), summary])
    return table(["command", "what it does"], rows)


def faults() -> str:
    """Return the table of the faults of the samples, with what shows each."""
    rows = [
        [
            f"`{fault.id}`",
            fault.sentence.rstrip("."),
            fault.caller_sees.strip(),
            fault.panel.title,
            f"`{fault.log_event}`",
            "none" if fault.span_attribute == "none" else f"`{fault.span_attribute}`",
            f"`{fault.alert}`",
            "page" if fault.urgency == "high" else "ticket",
        ]
        for fault in load()
    ]
    head = ["fault", "what happens", "the caller sees", "panel", "log event", "span attribute", "alert", ""]
    return table(head, rows)


def labs() -> str:
    """Return the table of the labs."""
    rows = [[f"`{lab.name}`", lab.question, "; ".join(lab.ways)] for lab in LABS]
    return table(["lab", "question", "ways"], rows)


def names() -> str:
    """Return the table of the public names, with the first sentence of each."""
    rows = [
        [f"`obskit.{name}`", first_sentence(getattr(obskit, name).__doc__)]
        for name in obskit.__all__
        if not name.startswith("__")
    ]
    return table(["name", "what"], rows)


def first_sentence(text: str | None) -> str:
    """Return the first sentence of a docstring on one line."""
    paragraph = " ".join((text or "").strip().partition("\n\n")[0].split())
    sentence = re.split(r"(?<=\.)\s", paragraph)[0]
    return re.sub(r":\w+:`~?\.?([^`]+)`", r"`\1`", sentence).replace("``", "`")


TABLES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"commands": commands},
    "sample_services/README.md": {"faults": faults},
    "sample_services/labs/README.md": {"labs": labs},
    "obskit/README.md": {
        "names": names,
        "settings": settings,
        "metrics": metrics,
        "labels": labels,
        "events": events,
        "attributes": attributes,
    },
}


def put(text: str, name: str, content: str) -> str:
    """Return *text* with *content* between the markers of *name*."""
    pattern = rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)"
    replaced, count = re.subn(
        pattern, lambda match: f"{match[1]}{content}\n{match[2]}", text, flags=re.DOTALL
    )
    assert count == 1, f"one block {name} is wanted, there are {count}"
    return replaced


def written(path: str) -> str:
    """Return the file *path* with its tables as the code has them."""
    text = (ROOT / path).read_text()
    for name, make in TABLES[path].items():
        text = put(text, name, make())
    return text


def demo_output() -> str:
    """Run the demo and return what it prints, as a code block."""
    obskit = Path(sys.executable).with_name("obskit")
    with tempfile.TemporaryDirectory() as folder:
        command = [obskit, "demo", "--exit", f"--home={folder}/state"]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return f"```text\n{result.stdout.strip()}\n```"


def proofs(report: Path) -> str:
    """Return the table of what each fault did when it was verified last, from a report of the command."""
    kept = {row["id"]: row for row in json.loads(report.read_text())["faults"]}
    head = ["fault", "panel: before -> during (healthy)", "alert", "incident", "over after", "whole row"]
    return table(head, [proof(fault.id, kept.get(fault.id)) for fault in load()])


def proof(fault_id: str, row: dict | None) -> list[str]:
    """Return a line of that table; one that was not verified, or failed, says so."""
    if row is None or not row["passed"]:
        failed = [name for name, check in (row or {"checks": {}})["checks"].items() if not check["passed"]]
        said = f"failed: {', '.join(failed)}" if failed else "not verified yet"
        return [f"`{fault_id}`", said, "", "", "", ""]
    checks = row["checks"]
    times = [f"{checks[name]['after_s']:g} s" for name in ("alert", "incident", "resolved")]
    return [f"`{fault_id}`", checks["panel"]["said"], *times, f"{row['seconds']:g} s"]


def main() -> None:
    """Write every table; ``--demo`` runs the demo and writes its output too, ``--faults FILE`` that report's."""
    for path in TABLES:
        (ROOT / path).write_text(written(path))
    if "--demo" in sys.argv[1:]:
        readme = ROOT / "README.md"
        readme.write_text(put(readme.read_text(), "demo", demo_output()))
    if "--faults" in sys.argv[1:]:
        readme = ROOT / "sample_services" / "README.md"
        report = Path(sys.argv[sys.argv.index("--faults") + 1])
        readme.write_text(put(readme.read_text(), "proofs", proofs(report)))


if __name__ == "__main__":
    main()

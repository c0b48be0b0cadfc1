"""Writes the tables of the READMEs from the code, and the demo's output from a real run.

``make readme`` writes them; ``tests/test_docs.py`` fails when a table is not what this makes.
"""

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


def main() -> None:
    """Write every table; with ``--demo`` run the demo and write its output too."""
    for path in TABLES:
        (ROOT / path).write_text(written(path))
    if "--demo" in sys.argv[1:]:
        readme = ROOT / "README.md"
        readme.write_text(put(readme.read_text(), "demo", demo_output()))


if __name__ == "__main__":
    main()

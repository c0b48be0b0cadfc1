"""What ``obskit dashboards check`` does beyond the kit: grammars of logs and traces, and running stores."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from obskit import stack
from obskit._mixin import Mixin
from obskit.boards import Asked, Finding, Grammar, Stores, as_json, as_markdown, ask_all, check
from obskit.embedded.logs import logql
from obskit.embedded.traces import traceql

__all__ = ["GRAMMARS", "LiveOptions", "check_live", "offline", "write_report"]

GRAMMARS: dict[str, Grammar] = {"loki": logql.parse, "tempo": traceql.parse}
"""The embedded backend's parsers, which read what Loki and Tempo read."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Which stores to ask; an empty address is that of the running stack."""

    home: Path | None
    prometheus: str
    loki: str
    tempo: str

    def stores(self) -> Stores:
        """Return the addresses of all three stores."""
        home = stack.Home.at(self.home)
        return Stores(
            self.prometheus or stack.current_address(home, "prometheus"),
            self.loki or stack.current_address(home, "loki"),
            self.tempo or stack.current_address(home, "tempo"),
        )


def offline(source: Path | None) -> list[Finding]:
    """Return every finding that needs no running store."""
    return check(source, grammars=GRAMMARS)


def check_live(options: LiveOptions, source: Path | None, mixin: Mixin | None = None) -> tuple[Asked, ...]:
    """Ask every query of every panel, with the labels of *mixin*.

    Raises:
        StackError: a store cannot be reached.
    """
    return ask_all(options.stores(), source=source, mixin=mixin)


def write_report(asked: tuple[Asked, ...], folder: Path) -> tuple[Path, Path]:
    """Write the coverage matrix as Markdown and JSON into *folder*, and return both files."""
    folder.mkdir(parents=True, exist_ok=True)
    markdown, plain = folder / "dashboard-coverage.md", folder / "dashboard-coverage.json"
    markdown.write_text(as_markdown(asked), encoding="utf-8")
    plain.write_bytes(orjson.dumps(as_json(asked), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return markdown, plain

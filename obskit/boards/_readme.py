"""Writes the table of boards and panels into the README beside them."""

from collections.abc import Iterator
from pathlib import Path

from obskit.boards._model import Board

__all__ = ["BEGIN", "END", "table", "with_table"]

BEGIN = '<!-- Made by "obskit dashboards build"; change the boards, not this. -->'
END = "<!-- The end of what is made. -->"


def with_table(readme: str, boards: list[Board]) -> str:
    """Return *readme* with the part between its two marks made anew; without marks as it is."""
    if BEGIN not in readme or END not in readme:
        return readme
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{table(boards)}\n{END}{rest.partition(END)[2]}"


def table(boards: list[Board]) -> str:
    """Return the boards as a table in Markdown, then the panels of each."""
    return "\n".join((*_boards(boards), "", *_panels(boards)))


def _boards(boards: list[Board]) -> Iterator[str]:
    count = sum(_count(board) for board in boards)
    yield f"{len(boards)} boards, {count} panels."
    yield ""
    yield "| board | the question it answers | uid | panels |"
    yield "|---|---|---|--:|"
    for board in boards:
        source = Path(f"{board.name.replace('-', '_')}.py")
        yield f"| [{board.title}]({source}) | {board.question} | `{board.uid}` | {_count(board)} |"


def _count(board: Board) -> int:
    return sum(len(row.panels) for row in board.rows)


def _panels(boards: list[Board]) -> Iterator[str]:
    for board in boards:
        yield f"<details><summary>{board.title}: its panels</summary>"
        yield ""
        yield "| panel | what it shows | empty on a healthy system |"
        yield "|---|---|---|"
        for row in board.rows:
            for panel in row.panels:
                about = panel.about
                yield f"| {about.title} | {about.what} | {about.empty or 'no'} |"
        yield ""
        yield "</details>"
        yield ""

"""Gives each panel its place: left to right, a new line where the width ends, never on top of another."""

from collections.abc import Iterator

from obskit.boards._model import JSON, Panel, Row

__all__ = ["COLUMNS", "Place", "arrange"]

COLUMNS = 24
"""Cells across Grafana's grid."""

Place = JSON
"""Grafana's gridPos: x and y of the upper left corner, width and height, in cells."""


def arrange(rows: tuple[Row, ...]) -> list[tuple[Row, int, list[tuple[Panel, Place]]]]:
    """Return each row with the y of its title and its panels with their places, from the top."""
    arranged = []
    y = 0
    for row in rows:
        top = y
        y += 1 if row.title else 0
        placed = list(_line_by_line(row.panels, y))
        if not row.collapsed:  # Grafana makes room for a collapsed row's panels when it is opened
            y = max((place["y"] + place["h"] for _, place in placed), default=y)
        arranged.append((row, top, placed))
    return arranged


def _line_by_line(panels: tuple[Panel, ...], y: int) -> Iterator[tuple[Panel, Place]]:
    x = tallest = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        yield panel, {"x": x, "y": y, "w": panel.width, "h": panel.height}
        x += panel.width
        tallest = max(tallest, panel.height)

"""The coverage matrix: each panel, its series and its milliseconds, as Markdown and JSON."""

from collections.abc import Iterator, Sequence

from obskit.boards._live import Asked, judge
from obskit.boards._model import JSON

__all__ = ["as_json", "as_markdown"]


def as_json(asked: Sequence[Asked]) -> JSON:
    """Return the matrix for machines: a summary, each panel, and what is wrong."""
    panels = _panels(asked)
    return {
        "boards": len({one["board"] for one in panels}),
        "panels": len(panels),
        "with_data": sum(one["verdict"] == "data" for one in panels),
        "declared_empty": sum(one["verdict"] == "declared empty" for one in panels),
        "findings": [str(finding) for finding in judge(asked)],
        "matrix": panels,
    }


def as_markdown(asked: Sequence[Asked]) -> str:
    """Return the matrix for people."""
    return "\n".join((*_lines(as_json(asked)), ""))


def _lines(matrix: JSON) -> Iterator[str]:
    yield "# Coverage of the boards"
    yield ""
    yield (
        f"{matrix['boards']} boards, {matrix['panels']} panels: {matrix['with_data']} with data, "
        f"{matrix['declared_empty']} empty as they say, {len(matrix['findings'])} findings."
    )
    yield ""
    yield "| board | panel | source | queries | series | ms | verdict |"
    yield "|---|---|---|--:|--:|--:|---|"
    for one in matrix["matrix"]:
        said = f": {one['declared']}" if one["verdict"] == "declared empty" else ""
        yield (
            f"| {one['board']} | {one['panel']} | {one['source']} | {one['queries']} | {one['series']} "
            f"| {one['ms']} | {one['verdict']}{said} |"
        )
    if matrix["findings"]:
        yield ""
        yield "## Findings"
        yield ""
        yield from (f"- {finding}" for finding in matrix["findings"])


def _panels(asked: Sequence[Asked]) -> list[JSON]:
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        groups.setdefault((one.board, one.panel), []).append(one)
    return [_panel(board, panel, group) for (board, panel), group in groups.items()]


def _panel(board: str, panel: str, group: list[Asked]) -> JSON:
    return {
        "board": board,
        "panel": panel,
        "source": group[0].kind,
        "queries": len(group),
        "series": sum(one.series for one in group),
        "ms": round(sum(one.ms for one in group), 1),
        "verdict": _verdict(group),
        "declared": group[0].declared,
    }


def _verdict(group: list[Asked]) -> str:
    if any(one.problem for one in group):
        return "error"
    if any(one.series for one in group):
        return "data"
    return "declared empty" if group[0].declared else "empty"

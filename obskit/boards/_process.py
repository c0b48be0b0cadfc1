"""The row about the processes behind a service; the same on every board that has one."""

from obskit.boards._foreign import CPU, FILE_LIMIT, MEMORY, OPEN_FILES
from obskit.boards._links import logs_link, series
from obskit.boards._model import About, Onward, Panel, Row, Scale
from obskit.boards._panels import graph
from obskit.boards._queries import SERVICE, per_second, ratio, total
from obskit.boards._targets import Line

__all__ = ["process_row"]

_BY = ("service_name", "instance")
_INSTANCE = "{{service_name}} {{instance}}"


def process_row() -> Row:
    """Return a collapsed row with processor time, memory and open files of each instance."""
    return Row("Process", (_processor(), _memory(), _files()), collapsed=True)


def _panel(about: About, expr: str, unit: str) -> Panel:
    onward = Onward((logs_link(series("service_name")),))
    return graph(about, (Line(expr, _INSTANCE),), Scale(unit), onward)


def _processor() -> Panel:
    about = About(
        "Processor time",
        "Share of one core that each instance uses.",
        "Well below 100 %: Python code runs on one core at a time.",
        "Near 100 % for minutes: add instances, or find the hot code with a profiler.",
    )
    return _panel(about, per_second(CPU, SERVICE, by=_BY), "percentunit")


def _memory() -> Panel:
    about = About(
        "Memory",
        "Resident memory of each instance.",
        "Grows after a start, then stays level.",
        "Grows for hours without load: a leak. Restart, then compare heap snapshots.",
    )
    return _panel(about, total(MEMORY, SERVICE, by=_BY), "bytes")


def _files() -> Panel:
    about = About(
        "Open files",
        "Share of the files and sockets that each instance may open.",
        "Level, far below 100 %.",
        "Grows without end: connections are not closed. At 100 % the service accepts nobody.",
    )
    open_files, limit = total(OPEN_FILES, SERVICE, by=_BY), total(FILE_LIMIT, SERVICE, by=_BY)
    return _panel(about, ratio(open_files, limit), "percentunit")

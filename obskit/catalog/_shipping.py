"""Metrics of what ships log files to a Loki."""

from obskit.catalog._metric import Metric

__all__ = ["SHIPPED_LINES", "SHIP_PUSHES", "SHIP_WAITING"]

SHIPPED_LINES = Metric(
    "obskit_ship_lines_total",
    "counter",
    "Log lines that were shipped, by outcome: ok was taken, rejected was refused in part or whole.",
    ("outcome",),
)
SHIP_PUSHES = Metric(
    "obskit_ship_pushes_total",
    "counter",
    "Pushes to Loki by outcome: ok, rejected (not sent again), failed (sent again).",
    ("outcome",),
)
SHIP_WAITING = Metric(
    "obskit_ship_waiting_bytes",
    "gauge",
    "Bytes of log lines that were read and not yet taken by Loki.",
)

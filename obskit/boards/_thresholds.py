"""Colour steps of a panel: values that an alert or an objective names, or none at all."""

from obskit.boards._model import Threshold
from obskit.boards._sdk import common, common_models, dashboard, models

__all__ = ["STATUS_COLOURS", "at", "steps", "style"]

STATUS_COLOURS = {"2xx": "green", "3xx": "blue", "4xx": "yellow", "5xx": "red"}
"""The same class of status has the same colour on every board."""


def at(ticket: float | None, page: float) -> tuple[Threshold, ...]:
    """Return yellow from *ticket* on and red from *page* on."""
    first = () if ticket is None else (Threshold(ticket, "yellow"),)
    return (*first, Threshold(page, "red"))


def steps(thresholds: tuple[Threshold, ...], *, base: str) -> dashboard.ThresholdsConfig:
    """Return Grafana's steps: *base* below the first threshold.

    They are written even when there are none, or Grafana puts its own "red at 80" there.
    """
    first = models.Threshold(value=None, color=base)
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([first, *(models.Threshold(value=one.value, color=one.colour) for one in thresholds)])
    )


def style(thresholds: tuple[Threshold, ...]) -> common.GraphThresholdsStyleConfig:
    """Return how a graph shows its thresholds: dashed lines, or nothing."""
    modes = common_models.GraphThresholdsStyleMode
    return common.GraphThresholdsStyleConfig().mode(modes.DASHED if thresholds else modes.OFF)

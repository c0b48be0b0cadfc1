"""The rows of the catalogue, checked when they are read."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from sample_services.faults._mechanisms import MECHANISMS

__all__ = ["CATALOGUE", "Fault", "Panel", "load"]

CATALOGUE = Path(__file__).parent.with_name("faults.yaml")
"""The file that lists every fault."""

Level = Annotated[int, Field(ge=1, le=100)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Healthy(_Row):
    """The range of a panel when all is well: not under *low*, not over *high*, in the panel's unit."""

    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.low is None and self.high is None:
            msg = "say low, high or both"
            raise ValueError(msg)
        return self


class Panel(_Row):
    """The panel that shows a fault, and what it shows when all is well."""

    board: str
    title: str
    where: dict[str, str] = {}
    """Labels of the series that count, where not all do."""
    healthy: Healthy
    factor: Annotated[float, Field(ge=1)] = 1.0

    def is_left(self, value: float) -> bool:
        """Tell whether *value* is out of the healthy range, by the factor at least."""
        low, high = self.healthy.low, self.healthy.high
        is_over = high is not None and value > high and value >= high * self.factor
        return is_over or (low is not None and value < low and value <= low / self.factor)


class Fault(_Row):
    """One row of the catalogue; the fields are explained at the top of ``faults.yaml``."""

    id: Annotated[str, Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    acts: Literal["service", "load", "stack"] = "service"
    service: str
    mechanism: str
    options: dict[str, Any] = {}
    sentence: str
    levels: tuple[Level, ...]
    caller_sees: str
    panel: Panel
    log_event: str
    log_fields: dict[str, str] = {}
    span_attribute: str
    span_value: str | int | None = None
    why_no_span: str | None = None
    seen_in: str | None = None
    alert: str
    urgency: Literal["high", "low"]
    also: tuple[str, ...]
    within_s: Annotated[int, Field(ge=1, le=600)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.span_attribute == "none") != (self.why_no_span is not None):
            msg = "span_attribute: none needs why_no_span, and nothing else takes it"
            raise ValueError(msg)
        if self.acts == "service":
            MECHANISMS.make(self.mechanism, self.options)
        return self


def load(path: Path = CATALOGUE) -> tuple[Fault, ...]:
    """Return the rows of the catalogue in its order.

    Raises:
        pydantic.ValidationError: a row has a field missing, unknown or of the wrong type, or its
            mechanism is not known or does not take its options.
    """
    return TypeAdapter(tuple[Fault, ...]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))

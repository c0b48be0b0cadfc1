"""The colours of a chart's own parts, dark and light."""

from dataclasses import dataclass

__all__ = ["Theme"]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a chart's own parts."""

    text: str
    faint: str
    line: str
    panel: str

    @classmethod
    def of(cls, *, dark: bool) -> "Theme":
        """Return the dark or the light one."""
        if dark:
            return cls("#d5d9e0", "#8b93a1", "#2c323c", "#181c22")
        return cls("#1f2937", "#6b7280", "#e3e6ea", "#ffffff")

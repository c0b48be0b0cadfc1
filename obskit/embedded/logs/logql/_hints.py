"""What a metric query needs of a line, so that parsers extract no more: it decides which errors are seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from obskit.embedded.logs.logql._line import DUPLICATE, ERROR, Line

__all__ = ["NO_HINTS", "Hints", "hints_for"]


@dataclass(frozen=True, slots=True)
class Hints:
    """Labels that are *required*, or all of them when there are none; *nothing* when no label matters."""

    nothing: bool = False
    required: tuple[str, ...] = ()
    keeps_errors: bool = False

    def needless(self, line: Line) -> bool:
        """Return whether nothing is left to extract from *line*."""
        return self.nothing or self.complete(line)

    def complete(self, line: Line) -> bool:
        """Return whether all that is required was extracted."""
        return bool(self.required) and all(map(line.was_extracted, self.required))

    def wants(self, name: str) -> bool:
        """Return whether the label *name* is to be extracted."""
        return not self.required or name in self.required

    def wants_prefix(self, prefix: str) -> bool:
        """Return whether a label that begins with *prefix* is to be extracted."""
        return not self.required or any(name.startswith(prefix) for name in self.required)


NO_HINTS = Hints()


def hints_for(
    stage_labels: Iterable[str], groups: Sequence[str], unwrapped: str, *, without: bool, no_labels: bool
) -> Hints:
    """Return the hints of a metric query that groups by *groups* and looks at *stage_labels*."""
    names: list[str] = []
    for name in (*stage_labels, *groups, unwrapped):
        if name:
            names.append(name)
            if name.endswith(DUPLICATE):
                names.append(name.removesuffix(DUPLICATE))
    required = tuple(dict.fromkeys(names))
    if no_labels:
        return Hints(required=required, keeps_errors=ERROR in required) if required else Hints(nothing=True)
    if without or not groups:
        return NO_HINTS
    return Hints(required=required, keeps_errors=ERROR in required)

"""One log line on its way through a pipeline, with its labels and where they came from."""

from collections.abc import Mapping

__all__ = ["DUPLICATE", "ERROR", "ERROR_DETAILS", "PRESERVE_ERROR", "Labels", "Line"]

ERROR = "__error__"
ERROR_DETAILS = "__error_details__"
PRESERVE_ERROR = "__preserve_error__"
DUPLICATE = "_extracted"

Labels = tuple[tuple[str, str], ...]
"""Labels in a form that can be compared and be a key: sorted by name."""

_NOTHING: Mapping[str, str] = {}


class Line:
    """A line, its time in nanoseconds, and its labels.

    Labels are of three kinds: *base* of the stream, *meta* that came as structured
    metadata, *parsed* by the query. A parsed label hides the others of its name.
    """

    __slots__ = ("base", "deleted", "details", "error", "meta", "parsed", "removed", "text", "ts")

    def __init__(self, base: Mapping[str, str]) -> None:
        self.base = base
        self.text = ""
        self.ts = 0
        self.begin(0, "", _NOTHING)

    def begin(self, ts: int, text: str, metadata: Mapping[str, str]) -> None:
        """Forget the last line and take the next one of the same stream."""
        self.ts, self.text = ts, text
        self.error = self.details = ""
        self.parsed: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.removed: set[str] = set()
        self.meta: dict[str, str] = {}
        for name, value in metadata.items():
            if name == ERROR:
                self.error = value
            elif name == ERROR_DETAILS:
                self.details = value
            else:
                self.meta[name + DUPLICATE if name in self.base else name] = value

    def get(self, name: str) -> str | None:
        """Return the label *name*, or None where there is none."""
        value = self.parsed.get(name)
        if value is None:
            value = self.meta.get(name)
        if value is None and name not in self.deleted:
            value = self.base.get(name)
        return value

    def value(self, name: str) -> str:
        """Return the label *name*, or ``__error__``, or an empty text where there is none."""
        return self.error if name == ERROR else self.get(name) or ""

    def set(self, name: str, value: str) -> None:
        """Set a parsed label."""
        self.meta.pop(name, None)
        self.parsed[name] = value

    def free_name(self, name: str) -> str:
        """Return *name*, or the name that a parsed label gets because *name* is taken."""
        return name + DUPLICATE if name in self.base or name in self.meta else name

    def delete(self, name: str) -> None:
        """Remove the label *name*."""
        self.meta.pop(name, None)
        if self.parsed.pop(name, None) is not None:
            self.removed.add(name)
        self.deleted.add(name)

    def was_extracted(self, name: str) -> bool:
        """Return whether a stage has set the label *name*, even if it was removed again."""
        return name in self.parsed or name in self.removed

    def fail(self, error: str, details: str) -> None:
        """Say in the labels what went wrong."""
        self.error = error
        if details:
            self.details = details

    def all(self) -> dict[str, str]:
        """Return every label of the line."""
        labels = dict(self.base)
        for name in self.deleted:
            labels.pop(name, None)
        labels.update(self.meta)
        labels.update(self.parsed)
        if self.error:
            labels[ERROR] = self.error
        if self.details:
            labels[ERROR_DETAILS] = self.details
        return labels

    def for_template(self) -> dict[str, str]:
        """Return what a template sees."""
        if self.deleted or self.meta or self.parsed or self.error:
            return self.all()
        return dict(self.base)

"""What goes wrong in a lab, and what goes wrong in a call that it makes."""

__all__ = ["CallFailedError", "LabError"]


class LabError(Exception):
    """A lab cannot be run; *fix* is what to do about it."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class CallFailedError(Exception):
    """One call of the load did not get what it asked for; *kind* is counted."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

"""What the pager refuses, and why."""

from obskit.errors import ObskitError

__all__ = ["InvalidEventError", "NotifyError", "RefusedError"]


class InvalidEventError(ObskitError):
    """An event breaks the contract of the Events API v2; *errors* are its answer's texts."""

    def __init__(
        self,
        errors: list[str],
        *,
        status: str = "invalid event",
        message: str = "Event object is invalid",
    ) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors
        self.status = status
        self.message = message


class RefusedError(ObskitError):
    """A request of the pager's own API cannot be met: HTTP *status*, what was wrong, and the *fix*."""

    def __init__(self, status: int, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.status = status
        self.fix = fix


class NotifyError(ObskitError):
    """A notifier could not deliver; the pager notes it on the timeline and tries again."""

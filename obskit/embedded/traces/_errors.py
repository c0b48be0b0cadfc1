"""What the trace store refuses, and why."""

from obskit.errors import ObskitError

__all__ = ["BusyError", "MalformedError", "RequestError", "TooLargeError"]


class RequestError(ObskitError):
    """A request of the query API cannot be met: the text, in Tempo's words, and the HTTP *status*."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class MalformedError(ObskitError):
    """A push is no OTLP; the text says which part and what is accepted there."""


class TooLargeError(ObskitError):
    """A push is larger than the store takes; send smaller batches."""


class BusyError(ObskitError):
    """More is waiting to be written than the store keeps in memory; send it again later."""

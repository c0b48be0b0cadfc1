"""What a query is refused for."""

from obskit.errors import ObskitError

__all__ = ["QueryError", "out_of_scope"]


class QueryError(ObskitError):
    """A query cannot be answered; the text says what is wrong with it, in Tempo's words where Tempo has any."""


def out_of_scope(feature: str) -> QueryError:
    """Return the refusal of a feature that Tempo has and this store does not."""
    return QueryError(f"{feature} is not supported by the embedded trace store; Tempo can answer it")

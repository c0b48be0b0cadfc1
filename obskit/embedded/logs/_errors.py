"""What the log store refuses, and why."""

from obskit.errors import ObskitError

__all__ = ["ParseError", "PushError", "QueryError", "RefusedError"]


class QueryError(ObskitError):
    """A query cannot be answered: HTTP *status* and Loki's text."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ParseError(QueryError):
    """A query is not LogQL; *line* and *column* say where, and are 0 where no place is to blame."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        place = f"at line {line}, col {column}" if line or column else ""
        super().__init__(f"parse error {place}: {message}")


class RefusedError(QueryError):
    """A query is LogQL that Loki answers and this store does not; *what* names the part."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"obskit's embedded log store does not answer {what}; Loki does. "
            "Run a Loki and send the query there."
        )


class PushError(ObskitError):
    """Lines cannot be taken: HTTP *status* and Loki's text."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

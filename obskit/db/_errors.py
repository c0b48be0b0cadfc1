"""What is shown of a failed statement: class and code of the error, never a value."""

import re

from sqlalchemy.exc import StatementError

from obskit.db._statements import Statements

__all__ = ["attributes_of", "cause_of", "hide_values"]

_VALUE_IN_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'|(?<=: ).*")
_DATA_EXCEPTION = "22"
"""Class of the SQLSTATEs whose messages quote the value that was refused."""


def cause_of(error: BaseException) -> BaseException:
    """Return what the driver raised, where SQLAlchemy's async adapters have put their own class around it."""
    is_adapted = type(error).__module__.startswith("sqlalchemy.dialects.") and error.__cause__ is not None
    return error.__cause__ or error if is_adapted else error


def attributes_of(error: BaseException) -> dict[str, str]:
    given = {"error.type": type(error).__qualname__}
    for name in ("sqlstate", "sqlite_errorname"):
        code = getattr(error, name, None)
        if code:
            given["db.response.status_code"] = str(code)
    return given


def hide_values(error: BaseException | None, statements: Statements) -> None:
    """Let the text of SQLAlchemy's exception show the statement without its values.

    That text goes to the access line and to the spans above. ``error.orig``, the driver's
    exception, stays as it is: applications read names of constraints from it.
    """
    if not isinstance(error, StatementError):
        return
    error.hide_parameters = True
    if error.statement is not None:
        error.statement = statements.get(error.statement).text
    if error.args:
        # PostgreSQL's further lines are DETAIL, with the row, and LINE, with the statement.
        first = str(error.args[0]).partition("\n")[0]
        code = str(getattr(error.orig, "sqlstate", None) or "")
        error.args = (_VALUE_IN_TEXT.sub("?", first) if code.startswith(_DATA_EXCEPTION) else first,)

"""How a request or a websocket ended, in the words of the labels."""

from obskit.catalog import OTHER

__all__ = ["caller_left", "cause", "close_label", "of_connection", "of_request"]

_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = 500

_GONE = frozenset({"ClientDisconnect", "WebSocketDisconnect"})
"""What frameworks raise because the caller went away."""

_CLOSE_OK = frozenset({1000, 1001, 1005})  # done, going away, closed without a code
_CLOSE_ABORTED = 1006  # no close frame at all
_CLOSE_CLIENT = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
_CLOSE_KNOWN = range(1000, 1015)
_CLOSE_APPLICATION = range(3000, 5000)


def cause(error: BaseException) -> BaseException:
    """Return what a task group wrapped: the one exception of a group of one, else *error*."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def caller_left(error: BaseException) -> bool:
    """Tell whether *error* says that the caller went away, and nothing else."""
    return isinstance(error, OSError) or any(base.__name__ in _GONE for base in type(error).__mro__)


def of_request(
    status: int, error: BaseException | None, *, complete: bool, disconnected: bool
) -> tuple[str, str]:
    """Return ``outcome`` and ``error_type`` of a request.

    *status* is 0 where no response was started; *complete* says that its last byte was sent.
    """
    if error is not None and not (disconnected and caller_left(error)):
        return "server_error", type(error).__name__
    if disconnected:
        return "aborted", ""
    if status >= _SERVER_ERRORS:
        return "server_error", str(status)
    if not complete:
        return "server_error", "incomplete_response"
    return ("client_error", "") if status in _CLIENT_ERRORS else ("ok", "")


def of_connection(code: int | None, status: int, error: BaseException | None) -> tuple[str, str]:
    """Return ``outcome`` and ``error_type`` of a websocket.

    *code* is the close code, or None; *status* that of a refused handshake, or 0. Codes from
    3000 on are the application's own language, in which we read no failure.
    """
    if error is not None and not caller_left(error):
        return "server_error", type(error).__name__
    if status:
        return ("server_error", str(status)) if status >= _SERVER_ERRORS else ("client_error", "")
    if code is None or code == _CLOSE_ABORTED:
        return "aborted", ""
    if code in _CLOSE_OK or code in _CLOSE_APPLICATION:
        return "ok", ""
    return ("client_error", "") if code in _CLOSE_CLIENT else ("server_error", str(code))


def close_label(code: int | None) -> str:
    """Return the bounded label value of a close code."""
    if code is None:
        return ""
    if code in _CLOSE_KNOWN:
        return str(code)
    return "application" if code in _CLOSE_APPLICATION else OTHER

"""How a request ended, in the words of the labels."""

import pytest
from starlette.requests import ClientDisconnect

from obskit.asgi._outcome import cause, of_request
from obskit.logging._exceptions import describe, was_logged


@pytest.mark.parametrize(
    ("status", "error", "complete", "disconnected", "expected"),
    [
        (200, None, True, False, ("ok", "")),
        (404, None, True, False, ("client_error", "")),
        (503, None, True, False, ("server_error", "503")),
        (200, ValueError(), False, False, ("server_error", "ValueError")),
        (200, None, False, False, ("server_error", "incomplete_response")),
        (200, None, False, True, ("aborted", "")),
        (200, None, True, True, ("aborted", "")),
        (500, ClientDisconnect(), True, True, ("aborted", "")),
        (200, BrokenPipeError(), False, True, ("aborted", "")),
        (500, BrokenPipeError(), True, False, ("server_error", "BrokenPipeError")),
        (500, ValueError(), True, True, ("server_error", "ValueError")),
    ],
)
def test_outcome_of_a_request(status, error, complete, disconnected, expected):
    assert of_request(status, error, complete=complete, disconnected=disconnected) == expected


def test_failure_in_a_task_group_is_known_by_what_failed():
    failed = ValueError("half way")
    alone = ExceptionGroup("outer", [ExceptionGroup("inner", [failed])])
    assert cause(alone) is failed
    several = ExceptionGroup("several", [ValueError(), KeyError()])
    assert cause(several) is several
    describe(failed)
    assert was_logged(alone)
    assert not was_logged(several)

"""Talks to the stack's own HTTP APIs on the loopback interface."""

from dataclasses import dataclass
from typing import Any

import httpx

from obskit import stack
from obskit.errors import StackError

__all__ = ["Api", "UnreachableError"]

_TIMEOUT_S = 10.0
_ERRORS = 400


class UnreachableError(StackError):
    """A process of the stack does not answer."""


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API of one process of the stack in *home*."""

    home: stack.Home
    process: str

    def call(self, method: str, path: str, *, body: Any = None, is_admin: bool = False) -> Any:
        """Call *path* and return the JSON of the answer, or None where it has none.

        With *is_admin* the admin token goes along.

        Raises:
            UnreachableError: the process does not answer.
            StackError: it refuses; the text is its own where it has one.
        """
        port = stack.current_ports(self.home)[self.process]
        headers = {"Authorization": f"Bearer {self.home.token()}"} if is_admin else {}
        url = f"http://{stack.LOOPBACK}:{port}{path}"
        try:
            # A proxy of the user's environment must not see the token. Plain HTTP on loopback needs
            # no certificates, and loading them would cost more than the call.
            with httpx.Client(trust_env=False, verify=False, timeout=_TIMEOUT_S) as client:  # noqa: S501
                answer = client.request(method, url, json=body, headers=headers)
        except httpx.TransportError as error:
            msg = f"{self.process} does not answer on port {port} ({type(error).__name__})."
            raise UnreachableError(msg, fix="obskit status, then obskit up") from error
        if answer.status_code >= _ERRORS:
            raise _refusal(self.process, answer)
        return answer.json() if answer.content else None


def _refusal(process: str, answer: httpx.Response) -> StackError:
    try:
        said = answer.json()
    except ValueError:
        said = answer.text[:200]
    texts = said if isinstance(said, dict) else {"error": str(said)}
    reason = texts.get("error") or texts.get("detail") or answer.reason_phrase
    fix = texts.get("fix") or f"obskit status, and the log of {process}"
    return StackError(f"{process} answers {answer.status_code}: {reason}", fix=str(fix))

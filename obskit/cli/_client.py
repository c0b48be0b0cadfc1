"""Talks to the stack's own HTTP APIs on the loopback interface."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

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
    timeout_s: float = _TIMEOUT_S

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        is_admin: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> Any:
        """Call *path* with *parameters* and return the JSON of the answer, or None where it has none.

        With *is_admin* the admin token goes along.

        Raises:
            UnreachableError: the process does not answer.
            StackError: it refuses; the text is its own where it has one.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        answer = self._ask(method, f"{path}{query}", body=body, is_admin=is_admin)
        return answer.json() if answer.content else None

    def text(self, path: str) -> str:
        """Get *path* and return the text of the answer.

        Raises:
            UnreachableError: the process does not answer.
            StackError: it refuses; the text is its own where it has one.
        """
        return self._ask("GET", path).text

    def _ask(self, method: str, path: str, *, body: Any = None, is_admin: bool = False) -> httpx.Response:
        address = stack.current_address(self.home, self.process)
        headers = {"Authorization": f"Bearer {self.home.token()}"} if is_admin else {}
        # A proxy of the user's environment must not see the token. Plain HTTP on loopback needs
        # no certificates, and loading them would cost more than the call.
        is_here = address.startswith(f"http://{stack.LOOPBACK}:")
        try:
            with httpx.Client(trust_env=not is_here, verify=not is_here, timeout=self.timeout_s) as client:
                answer = client.request(method, f"{address}{path}", json=body, headers=headers)
        except httpx.TransportError as error:
            where = f"on port {address.rpartition(':')[2]}" if is_here else f"at {address}"
            msg = f"{self.process} does not answer {where} ({type(error).__name__})."
            raise UnreachableError(msg, fix="obskit status, then obskit up") from error
        if answer.status_code >= _ERRORS:
            raise _refusal(self.process, answer)
        return answer


def _refusal(process: str, answer: httpx.Response) -> StackError:
    try:
        said = answer.json()
    except ValueError:
        said = answer.text[:200]
    texts = said if isinstance(said, dict) else {"error": str(said)}
    reason = texts.get("error") or texts.get("detail") or answer.reason_phrase
    fix = texts.get("fix") or f"obskit status, and the log of {process}"
    return StackError(f"{process} answers {answer.status_code}: {reason}", fix=str(fix))

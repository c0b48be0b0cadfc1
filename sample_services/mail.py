"""Sends mail over SMTP: connections that are kept, a pace, and failures by what to do about them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from functools import lru_cache
from urllib.parse import urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPRecipientRefused, SMTPRecipientsRefused, SMTPResponseException

import obskit

__all__ = ["BouncedError", "Mail", "MailError", "Mailer"]

_SENDER = "shop@example.test"
_TIMEOUT_S = 10.0
_FOR_GOOD = 500
_THROTTLE_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds to wait when the provider says that it is too much: first, second, and so on."""
_MOST_THROTTLES = 60


class MailError(Exception):
    """The provider did not take a mail now; a later attempt may do better."""


class _ThrottledError(Exception):
    """The provider takes no more for now."""


class BouncedError(Exception):
    """The provider will never take mail to this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one recipient. The same *message_id* is the same mail, however often it is sent."""

    message_id: str
    recipient: str
    subject: str
    text: str

    def content(self) -> bytes:
        """Return the mail as it goes over the wire.

        Raises:
            UnicodeEncodeError: the recipient or the message id is not ASCII.
        """
        own = f"To: {self.recipient}\r\nMessage-ID: {self.header_id}\r\n"
        return own.encode("ascii") + _shared(self.subject, self.text)

    @property
    def header_id(self) -> str:
        """The Message-ID as it stands in the mail."""
        return f"<{self.message_id}@example.test>"


@lru_cache(maxsize=32)
def _shared(subject: str, text: str) -> bytes:
    """Return what all mails of one campaign have in common: making it costs as much as sending it."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _SENDER
    message["Subject"] = subject
    message.set_content(text)
    return message.as_bytes()


class Mailer:
    """A mail provider, called at most *rate* times a second (0: as fast as it goes)."""

    def __init__(self, url: str, *, rate: float = 0.0) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 25
        self._interval_s = 1.0 / rate if rate else 0.0
        self._next_at = 0.0
        self._log = obskit.get_logger()
        self._idle: list[SMTP] = []
        self.on_throttled: Callable[[], None] = lambda: None
        """Called whenever the provider says that it is too much."""

    async def close(self) -> None:
        """Close every connection."""
        while self._idle:
            self._idle.pop().close()

    async def check(self) -> None:
        """Raise when the provider does not answer: the readiness check."""
        async with self._connection() as smtp:
            await smtp.noop()

    async def send(self, mail: Mail) -> None:
        """Hand *mail* to the provider, and wait while it says that it is too much.

        Raises:
            BouncedError: there is no such address.
            MailError: the provider is away, or did not take the mail for any other reason.
        """
        for attempt in range(_MOST_THROTTLES):
            await self._pace()
            try:
                refusal = await self._hand_over(mail)
            except _ThrottledError:
                self.on_throttled()
                if not attempt:
                    self._log.warning("mail.throttled")
                # Less some chance, so that workers do not come back together.
                wait_s = _THROTTLE_S[min(attempt, len(_THROTTLE_S) - 1)]
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                continue
            except (SMTPException, OSError, TimeoutError) as error:
                msg = f"The mail provider did not take a mail: {type(error).__name__}."
                raise MailError(msg) from error
            if refusal is not None:
                msg = f"The address does not exist ({refusal.code})."
                raise BouncedError(msg) from refusal
            return
        msg = f"The mail provider said {_MOST_THROTTLES} times that it is too much."
        raise MailError(msg)

    async def _hand_over(self, mail: Mail) -> SMTPRecipientRefused | None:
        """Make one attempt, and return what the provider says against the address, if anything."""
        async with obskit.dependency("smtp", "send"), self._connection() as smtp:
            try:
                await smtp.sendmail(_SENDER, [mail.recipient], mail.content())
            except SMTPRecipientsRefused as error:
                refusal = error.recipients[0]
                if refusal.code < _FOR_GOOD:
                    raise _ThrottledError(refusal.message) from error
                return refusal  # an answer like any other: the provider is well
            return None

    async def _pace(self) -> None:
        """Wait for this call's place in the row of calls."""
        if not self._interval_s:
            return
        now = asyncio.get_running_loop().time()
        place = self._next_at = max(now, self._next_at + self._interval_s)
        await asyncio.sleep(place - now)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[SMTP]:
        smtp = self._idle.pop() if self._idle else self._new()
        try:
            if not smtp.is_connected:
                await smtp.connect()
            yield smtp
        except (SMTPResponseException, _ThrottledError):
            self._idle.append(smtp)  # it has refused something, and is as good as before
            raise
        except BaseException:
            smtp.close()  # nobody knows how far it got
            raise
        self._idle.append(smtp)

    def _new(self) -> SMTP:
        return SMTP(hostname=self._host, port=self._port, timeout=_TIMEOUT_S, start_tls=False)

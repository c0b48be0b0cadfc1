"""Sends a page by mail."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

import aiosmtplib

from obskit.pager._brief import brief
from obskit.pager._errors import NotifyError
from obskit.pager._notify import Page, block
from obskit.pager._text import one_line

__all__ = ["Mail"]

_TIMEOUT_S = 10.0


class Mail:
    """Sends pages over SMTP, each as a message of its own; those of one incident form a thread.

    *security* is ``none``, ``starttls`` or ``tls``; *login* is user and password.
    """

    def __init__(  # noqa: PLR0913 - what an SMTP server wants to know
        self,
        name: str,
        *,
        host: str,
        port: int,
        sender: str,
        recipients: Sequence[str],
        security: str = "none",
        login: tuple[str, str] | None = None,
    ) -> None:
        self.name = name
        self._host = host
        self._port = port
        self._sender = sender
        self._recipients = tuple(recipients)
        self._security = security
        self._login = login

    async def send(self, page: Page) -> None:
        """Send *page* to all recipients.

        Raises:
            NotifyError: the server did not take it, or not for each of them.
        """
        user, password = self._login or (None, None)
        try:
            refused, _ = await aiosmtplib.send(
                self._message(page),
                sender=self._sender,
                recipients=list(self._recipients),
                hostname=self._host,
                port=self._port,
                username=user,
                password=password,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                timeout=_TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            said = one_line(str(error), 200)
            msg = f"{self._host}:{self._port} did not take the mail: {said}"
            raise NotifyError(msg) from error
        if refused:
            msg = f"{self._host}:{self._port} refused {', '.join(sorted(refused))}"
            raise NotifyError(msg)

    def _message(self, page: Page) -> EmailMessage:
        told = brief(page.incident)
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message["Subject"] = one_line(f"[{page.incident.id}] {told.line}", 200)
        message["Date"] = formatdate()
        domain = self._sender.rpartition("@")[2]
        thread = f"<{page.incident.id}.{int(page.incident.created_at)}@{domain}>"
        # The same each time it is tried, so that a mail server may drop the second one.
        message["Message-ID"] = (
            f"<{page.delivery.replace('/', '.')}.{int(page.incident.created_at)}@{domain}>"
        )
        message["References"] = thread
        message["X-Priority"] = "1"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{block(page, ruled=False)}\n")
        return message

"""Mail against a real SMTP server."""

import asyncio
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from obskit.pager import NotifyError
from obskit.pager._mail import Mail


def send(notifier, page):
    asyncio.run(notifier.send(page))


class Mailbox:
    """An SMTP handler that keeps its mails, and refuses whom it is told to."""

    def __init__(self):
        self.mails = []
        self.refuse = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802 - aiosmtpd
        if address in self.refuse:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802 - aiosmtpd
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def mail(mailbox, free_port):
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield Mail(
        "mail",
        host="127.0.0.1",
        port=controller.port,
        sender="pager@example.org",
        recipients=("ann@example.org", "bob@example.org"),
    )
    controller.stop()


def test_a_mail_says_what_is_wrong_whom_it_hurts_and_what_to_do(mail, mailbox, page):
    send(mail, page)
    ((recipients, message),) = mailbox.mails
    assert recipients == ["ann@example.org", "bob@example.org"]
    assert message["Subject"] == "[INC-000007] Orders burns its budget"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content()
    assert text.splitlines()[:5] == [
        "PAGE  Orders burns its budget",
        "INC-000007, critical, affects orders",
        "why now   Nobody acknowledged it within 5 min.",
        "hurts     Callers get errors & <b>wait</b>.",
        "do        Roll back.",
    ]
    assert "obskit incidents ack INC-000007" in text


def test_a_mail_that_is_tried_again_has_the_same_name_and_the_incident_is_a_thread(mail, mailbox, page):
    send(mail, page)
    send(mail, page)
    send(mail, replace(page, delivery="INC-000007/3/mail"))
    first, again, second = (message for _, message in mailbox.mails)
    assert first["Message-ID"] == again["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"]


def test_a_title_cannot_add_headers_to_a_mail(mail, mailbox, page):
    nasty = replace(page.incident, title="x\r\nBcc: eve@example.org\r\n\r\nhello", service="ö")
    send(mail, replace(page, incident=nasty))
    ((_, message),) = mailbox.mails
    assert message["Bcc"] is None
    assert message["Subject"] == "[INC-000007] ö: x Bcc: eve@example.org hello"


def test_a_mail_that_one_recipient_did_not_get_has_failed(mail, mailbox, page):
    mailbox.refuse = {"bob@example.org"}
    with pytest.raises(NotifyError, match=r"refused bob@example\.org"):
        send(mail, page)


def test_says_that_no_mail_server_answers(free_port, page):
    mail = Mail("mail", host="127.0.0.1", port=free_port(), sender="a@b", recipients=("c@d",))
    with pytest.raises(NotifyError, match=r"127\.0\.0\.1:\d+ did not take the mail"):
        send(mail, page)

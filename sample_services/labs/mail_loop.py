"""Bulk mail sent in the request that asks for it: the way that the lab compares with a queue.

Start: ``python -m uvicorn --factory sample_services.labs.mail_loop:create_app``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import obskit
from sample_services import problems
from sample_services.mail import Mail, Mailer
from sample_services.notifications.models import NewCampaign, recipient
from sample_services.settings import VERSION, Settings

__all__ = ["create_app"]


def create_app() -> FastAPI:
    """Build the service from its environment."""
    settings = Settings.load("mail-loop")
    obskit.init(service="mail-loop", version=VERSION)
    mailer = Mailer(settings.smtp_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await mailer.close()

    app = FastAPI(title="mail-loop", version=VERSION, lifespan=lifespan)
    problems.install(app)

    @app.post("/campaigns")
    async def send(wanted: NewCampaign, name: str) -> dict[str, int]:
        for number in range(wanted.recipients):
            mail = Mail(
                message_id=f"{name}.{number}",
                recipient=recipient(number, 0),
                subject=wanted.subject,
                text=wanted.text,
            )
            await mailer.send(mail)
        return {"sent": wanted.recipients}

    return obskit.instrument(app)

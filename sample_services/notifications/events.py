"""What the notifications service consumes: events about orders, and batches of bulk mail."""

import asyncio

import obskit
from sample_services.broker import Consumer, PoisonMessageError
from sample_services.contracts import ENDED, OrderEnded, read
from sample_services.faults import Faults
from sample_services.mail import BouncedError, Mail, Mailer
from sample_services.notifications.counts import Counts
from sample_services.notifications.models import Batch, recipient
from sample_services.notifications.store import BATCHES, Notifications, Progress
from sample_services.streams import MAIL

__all__ = ["batch_consumer", "order_consumer"]

_TITLES = {
    "completed": "Your order is on its way",
    "rejected": "We cannot send your order",
    "failed": "Your order has failed; please try again",
}
_ORDER_MAILS = 8
_BATCH_WAIT_S = 5.0


def order_consumer(store: Notifications, mailer: Mailer, counts: Counts, faults: Faults) -> Consumer:
    """Return the consumer that tells the buyer how each order ended, in one mail."""
    log = obskit.get_logger()

    async def handle(_subject: str, body: bytes) -> None:
        event = read(OrderEnded, body)
        order_id, title = str(event.order_id), _TITLES[event.state]
        obskit.bind(order_id=order_id)
        await faults.at("mail")
        mail = Mail(
            message_id=f"{order_id}.{event.state}",
            recipient=f"buyer-{order_id[:8]}@example.test",
            subject=title,
            text=f"{title}: order {order_id}.\n",
        )
        if await store.is_sent(mail.message_id):
            return
        try:
            await mailer.send(mail)
            outcome = "sent"
        except BouncedError:
            outcome = "bounced"  # no later attempt will reach the buyer either
        await store.note_sent(mail.message_id)
        counts.add("order", outcome)
        log.info("mail.ended", kind=event.state, outcome=outcome)

    return Consumer(
        name="notifications",
        subjects=(ENDED,),
        handler=handle,
        max_deliveries=None,  # it waits for the provider, however long that is away
        parallel=_ORDER_MAILS,
    )


def batch_consumer(
    store: Notifications, mailer: Mailer, counts: Counts, faults: Faults, *, workers: int
) -> Consumer:
    """Return the consumer that sends batches, *workers* at a time.

    What a batch has done is stored when it ends, also when it fails or the service stops.
    Only a worker that is killed leaves a batch that begins where it did before: its mails
    may be sent twice, under the same Message-ID, and no other batch's.
    """
    log = obskit.get_logger()

    async def handle(_subject: str, body: bytes) -> None:
        try:
            batch = Batch.model_validate_json(body)
        except ValueError as error:
            msg = "This is no Batch message."
            raise PoisonMessageError(msg) from error
        obskit.bind(campaign_id=batch.campaign_id, batch=batch.number)
        task = await store.task(batch)
        if task is None:
            msg = f"There is no batch {batch.number} of campaign {batch.campaign_id}."
            raise PoisonMessageError(msg)
        progress = Progress(began_at=task.done)
        mails = [
            Mail(
                message_id=f"{batch.campaign_id}.{number}",
                recipient=recipient(number, task.bounce_percent),
                subject=task.subject,
                text=task.text,
            )
            for number in range(batch.first + task.done, batch.first + batch.size)
        ]
        await store.begin(batch)
        try:
            await send(mails, progress)
        finally:
            await asyncio.shield(store.record(batch, progress))
            log.info("mail.batch_ended", sent=progress.sent, bounced=len(progress.bounced), of=batch.size)

    async def send(mails: list[Mail], progress: Progress) -> None:
        skipped = await store.suppressed([mail.recipient for mail in mails])
        for mail in mails:
            if mail.recipient in skipped:
                progress.suppressed += 1
                counts.add("bulk", "suppressed")
                continue
            await faults.at("mail")
            try:
                await mailer.send(mail)
            except BouncedError:
                progress.bounced.append(mail.recipient)
                counts.add("bulk", "bounced")
            else:
                progress.sent += 1
                counts.add("bulk", "sent")

    return Consumer(
        name="mail",
        stream=MAIL,
        subjects=(BATCHES,),
        handler=handle,
        max_deliveries=None,  # as above
        parallel=workers,
        ack_wait_s=_BATCH_WAIT_S,
    )

"""Mail: to one buyer, and to thousands through a queue, over a real SMTP server."""

import asyncio
import json
import signal
import socket
import sqlite3
import uuid
from collections import Counter
from contextlib import closing

import nats
import pytest

BATCH = 100
REPLICAS = ("notifications", "notifications-2", "notifications-3")


class Mailroom:
    """A broker, a mail provider and three replicas of the notifications service, one worker each."""

    def __init__(self, fleet, until):
        self.fleet = fleet
        self.until = until

    def open(self, *options):
        """Start what does not run, the provider with *options*, and empty the suppression list."""
        if options and self.fleet.is_running("smtp"):
            self.fleet.stop("smtp")
        for name in ("nats", "smtp", *REPLICAS):
            if not self.fleet.is_running(name):
                self.fleet.forget(name)
                self.fleet.start(name, *(options if name == "smtp" else ()), MAIL_WORKERS="1")
        for name in ("nats", "smtp"):
            self.until(
                lambda name=name: listens(self.fleet.ports[name]), f"{name}: {self.fleet.output(name)}"
            )
        for name in REPLICAS:
            self.until(lambda name=name: self.fleet.is_ready(name), f"{name}: {self.fleet.output(name)}")
        with closing(sqlite3.connect(self.fleet.home / "data" / "notifications.db", timeout=30)) as db, db:
            db.execute("DELETE FROM suppressions")

    def post(self, recipients, *, key=None, **fields):
        body = {
            "subject": "Tea in spring",
            "text": "Fresh leaves are in.",
            "recipients": recipients,
            **fields,
        }
        headers = {"Idempotency-Key": key} if key else {}
        return self.fleet.http.post(f"{self.url}/campaigns", json=body, headers=headers)

    @property
    def url(self):
        return self.fleet.url("notifications")

    def progress(self, campaign_id):
        return self.fleet.http.get(f"{self.url}/campaigns/{campaign_id}").json()

    def wait_done(self, campaign_id, within_s=180):
        self.until(
            lambda: self.progress(campaign_id)["state"] == "done",
            f"campaign done: {self.progress(campaign_id)}",
            within_s,
        )
        return self.progress(campaign_id)

    def ledger(self, prefix):
        """Return how often the provider took each Message-ID that begins like this."""
        path = self.fleet.home / "ledger"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.split()[0] for line in lines if line.startswith(f"<{prefix}"))

    def metric(self, start, having=""):
        """Return the sum over all replicas of the series that begin with *start* and have *having* in them."""
        pages = [self.fleet.http.get(f"{self.fleet.url(name)}/metrics").text for name in REPLICAS]
        return sum(
            float(line.split()[-1])
            for page in pages
            for line in page.splitlines()
            if line.startswith(start) and having in line
        )


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def opened(make_fleet, until):
    room = Mailroom(make_fleet(), until)
    room.open()
    return room


@pytest.fixture
def mailroom(opened):
    opened.open()
    return opened


def message_ids(campaign_id, numbers):
    return {f"<{campaign_id}.{number}@example.test>" for number in numbers}


def test_killed_worker_loses_no_mail_and_repeats_one_batch_at_most(mailroom, until):
    answer = mailroom.post(5000, bounce_percent=2)
    assert answer.status_code == 202
    campaign_id = answer.json()["id"]
    until(lambda: mailroom.progress(campaign_id)["sent"] >= 1500, "a third is sent", 120)
    mailroom.fleet.stop("notifications-2", signal.SIGKILL)
    done = mailroom.wait_done(campaign_id)
    assert (done["recipients"], done["remaining"], done["batches_done"]) == (5000, 0, 50)
    assert (done["sent"], done["bounced"], done["suppressed"]) == (4900, 100, 0)
    ledger = mailroom.ledger(campaign_id)
    assert len(ledger) == 4900
    assert ledger.keys() <= message_ids(campaign_id, range(5000))
    repeated = [message_id for message_id, times in ledger.items() if times > 1]
    assert len(repeated) <= done["maybe_repeated"] <= BATCH
    assert set(ledger.values()) <= {1, 2}
    numbers = {int(message_id.split(".")[1].split("@")[0]) // BATCH for message_id in repeated}
    assert len(numbers) <= 1, "repeated mails are of one batch"


@pytest.mark.prove
def test_hundred_thousand_mails_survive_two_killed_workers(mailroom, until):
    campaign_id = mailroom.post(100_000, bounce_percent=1).json()["id"]
    for name, sent in (("notifications-2", 20_000), ("notifications-3", 50_000)):
        until(
            lambda sent=sent: mailroom.progress(campaign_id)["sent"] >= sent,
            f"{sent} are sent",
            within_s=1800,
        )
        mailroom.fleet.stop(name, signal.SIGKILL)
        mailroom.fleet.start(name, MAIL_WORKERS="1")
    done = mailroom.wait_done(campaign_id, within_s=3600)
    assert (done["sent"], done["bounced"], done["remaining"]) == (99_000, 1000, 0)
    ledger = mailroom.ledger(campaign_id)
    assert len(ledger) == 99_000
    assert ledger.total() - len(ledger) <= 2 * BATCH


def test_stopped_worker_repeats_nothing(mailroom, until):
    campaign_id = mailroom.post(2000, bounce_percent=0).json()["id"]
    until(lambda: mailroom.progress(campaign_id)["sent"] >= 200, "some are sent")
    mailroom.fleet.stop("notifications-2")
    assert mailroom.wait_done(campaign_id)["sent"] == 2000
    assert set(mailroom.ledger(campaign_id).values()) == {1}


def test_bounced_and_asked_addresses_get_no_further_bulk_mail(mailroom):
    first = mailroom.wait_done(mailroom.post(300, bounce_percent=10).json()["id"])
    assert (first["sent"], first["bounced"], first["suppressed"]) == (270, 30, 0)
    listed = mailroom.fleet.http.get(f"{mailroom.url}/suppressions").json()["items"]
    assert len(listed) == 30
    assert {item["reason"] for item in listed} == {"bounced"}
    address = "person-000007@example.test"
    asked = mailroom.fleet.http.put(f"{mailroom.url}/suppressions/{address}").json()
    assert (asked["address"], asked["reason"]) == (address, "asked")

    before = mailroom.metric("notifications_mails_total{")
    second = mailroom.wait_done(mailroom.post(300, bounce_percent=10).json()["id"])
    assert (second["sent"], second["bounced"], second["suppressed"]) == (269, 0, 31)
    assert mailroom.metric("notifications_mails_total{") == before + 300
    assert mailroom.fleet.http.delete(f"{mailroom.url}/suppressions/{address}").status_code == 204
    assert mailroom.fleet.http.delete(f"{mailroom.url}/suppressions/{address}").status_code == 404


def test_provider_that_takes_no_more_slows_the_mails_down_and_loses_none(mailroom):
    mailroom.open("--rate", "20")
    before = mailroom.metric("notifications_mails_throttled_total")
    campaign_id = mailroom.post(150, bounce_percent=0).json()["id"]
    done = mailroom.wait_done(campaign_id)
    assert done["sent"] == 150
    assert set(mailroom.ledger(campaign_id).values()) == {1}
    assert mailroom.metric("notifications_mails_throttled_total") > before
    assert done["mails_per_second"] < 40  # a second's mails at once, then 20 a second
    mailroom.open("--rate", "0")


def test_provider_away_delays_mails_and_is_no_reason_to_be_taken_out(mailroom, until):
    mailroom.fleet.stop("smtp")
    campaign_id = mailroom.post(1000, bounce_percent=0).json()["id"]
    failed = {"event": "message.failed", "destination": "mail.batches"}
    until(lambda: mailroom.fleet.lines(**failed), "attempts fail")
    assert mailroom.fleet.is_ready("notifications")
    depth, oldest = (
        "obskit_messaging_queue_unacknowledged{",
        "obskit_messaging_queue_oldest_message_age_seconds{",
    )
    until(lambda: mailroom.metric(depth) > 0, "the batches are shown")
    until(lambda: mailroom.metric(oldest) > 0, "the oldest one has an age")
    mailroom.open()
    assert mailroom.wait_done(campaign_id)["sent"] == 1000
    assert set(mailroom.ledger(campaign_id).values()) == {1}
    until(lambda: mailroom.metric(oldest) == 0, "nothing is old any more")


def test_repeated_request_with_a_key_is_one_campaign(mailroom):
    key = str(uuid.uuid4())
    answers = [mailroom.post(10, bounce_percent=0, key=key) for _ in range(3)]
    (campaign_id,) = {answer.json()["id"] for answer in answers}
    assert mailroom.post(11, key=key).status_code == 422
    mailroom.wait_done(campaign_id)
    assert mailroom.ledger(campaign_id).total() == 10


def test_buyer_gets_one_mail_for_the_end_of_an_order_however_often_it_is_told(mailroom, until):
    orders = [str(uuid.uuid4()) for _ in range(2)]
    handled = "messaging_client_consumed_messages_total{", '"orders.ended"'

    async def tell(attempt):
        client = await nats.connect(mailroom.fleet.url("nats"))
        for order_id in orders:
            body = json.dumps({"order_id": order_id, "state": "completed"}).encode()
            headers = {"Nats-Msg-Id": f"{order_id}:{attempt}"}
            await client.jetstream().publish("orders.ended", body, headers=headers)
        await client.close()

    for attempt in (1, 2):
        before = mailroom.metric(*handled)
        asyncio.run(tell(attempt))
        until(lambda before=before: mailroom.metric(*handled) >= before + 2, "all are handled")
    for order_id in orders:
        assert mailroom.ledger(order_id) == {f"<{order_id}.completed@example.test>": 1}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"subject": "a\nBcc: x@y.z", "text": "t", "recipients": 1}, "body.subject"),
        ({"subject": "", "text": "t", "recipients": 1}, "body.subject"),
        ({"subject": "s", "text": "t", "recipients": 100_001}, "body.recipients"),
        ({"subject": "s", "text": "t", "recipients": 1, "bounce_percent": 101}, "body.bounce_percent"),
        ({"subject": "s", "text": "t"}, "body.recipients"),
    ],
)
def test_wrong_campaign_is_refused_with_what_is_wrong(body, where, tmp_path, monkeypatch):
    from fastapi.testclient import TestClient

    from sample_services.notifications.app import create_app

    monkeypatch.setenv("OBSKIT_HOME", str(tmp_path))
    answer = TestClient(create_app()).post("/campaigns", json=body)
    assert answer.status_code == 422
    assert where in answer.json()["detail"]

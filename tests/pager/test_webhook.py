"""Webhooks against a real web server."""

import asyncio
import hashlib
import hmac
import http.server
import threading

import orjson
import pytest

from obskit.pager import NotifyError
from obskit.pager._webhook import Webhook


def send(notifier, page):
    asyncio.run(notifier.send(page))


@pytest.fixture
def hook():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.headers, body))
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    taken, answers = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.taken, server.answers = taken, answers
    server.url = f"http://127.0.0.1:{server.server_port}/secret-path"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_signed_and_carries_the_incident(hook, page):
    send(Webhook("chat", hook.url, b"hush"), page)
    ((headers, body),) = hook.taken
    signed = headers["X-Obskit-Timestamp"].encode() + b"." + body
    assert headers["X-Obskit-Signature"] == f"v1={hmac.new(b'hush', signed, hashlib.sha256).hexdigest()}"
    assert headers["X-Obskit-Delivery"] == "INC-000007/2/mail"
    said = orjson.loads(body)
    assert said["text"] == "Orders burns its budget"
    assert said["reason"] == "Nobody acknowledged it within 5 min."
    assert (said["incident"]["id"], said["incident"]["url"]) == ("INC-000007", page.url)


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_webhook_that_is_not_taken_has_failed_and_its_address_stays_secret(hook, status, page):
    hook.answers.append(status)
    with pytest.raises(NotifyError) as failed:
        send(Webhook("chat", hook.url, b"hush"), page)
    assert str(failed.value) == f"127.0.0.1 answers {status}"


def test_says_that_a_webhook_does_not_answer(free_port, page):
    with pytest.raises(NotifyError) as failed:
        send(Webhook("chat", f"http://127.0.0.1:{free_port()}/secret-path", b"hush"), page)
    assert str(failed.value) == "127.0.0.1 does not answer (ConnectError)"


def test_a_webhook_is_tried_until_it_is_taken(hook, serve, clock):
    hook.answers += [500, 503]
    served = serve(inboxes=[Webhook("chat", hook.url, b"hush")], retry_s=10)
    served.send()
    served.tick()
    for wait_s in (10, 20):
        clock.pass_s(wait_s)
        served.tick()
    assert [headers["X-Obskit-Delivery"] for headers, _ in hook.taken] == ["INC-000001/1/chat"] * 3
    kinds = [(entry["type"], entry["count"]) for entry in served.incidents()[0]["timeline"]]
    assert kinds[1:] == [("notification_failed", 1), ("notification_failed", 1), ("notification_sent", 1)]

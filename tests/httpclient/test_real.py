"""Both client libraries against a real server: attempts, redirects, streams, failures."""

import asyncio
import logging

import pytest
import stamina
from opentelemetry.trace import SpanKind, StatusCode

import obskit

COUNT = "http_client_request_duration_seconds_count"
TEMPLATE = {"url_template": "/t"}


def labels(status="200", error="", template="/t"):
    return {
        "http_request_method": "GET",
        "server_address": "127.0.0.1",
        "url_template": template,
        "http_response_status_code": status,
        "error_type": error,
    }


def resends(captured):
    return [span.attributes.get("http.request.resend_count") for span in captured.spans]


@pytest.fixture
def client(library, captured):
    with obskit.instrument(library.Client(timeout=20)) as made:
        yield made


def retries(captured):
    return captured.value("obskit_http_client_retries_total", server_address="127.0.0.1", url_template="/t")


def test_retries_are_attempts_of_one_call(captured, client, library, server):
    for attempt in stamina.retry_context(on=library.HTTPError, attempts=5, wait_initial=0.001, wait_max=0.01):
        with attempt:
            client.get(f"{server.url}/flaky", extensions=TEMPLATE).raise_for_status()
    client.get(f"{server.url}/flaky", extensions=TEMPLATE)
    assert resends(captured) == [None, 1, 2, None]
    assert captured.value(COUNT, **labels("503", "503")) == 2
    assert captured.value(COUNT, **labels()) == 2
    assert retries(captured) == 2


def test_async_retries_are_attempts_of_one_call(captured, library, server):
    @stamina.retry(on=library.HTTPError, attempts=5, wait_initial=0.001, wait_max=0.01)
    async def ask(client):
        (await client.get(f"{server.url}/flaky", extensions=TEMPLATE)).raise_for_status()

    async def run():
        async with obskit.instrument(library.AsyncClient(timeout=20)) as client:
            await asyncio.gather(ask(client), client.get(f"{server.url}/ok", extensions=TEMPLATE))

    asyncio.run(run())
    assert sorted(filter(None, resends(captured))) == [1, 2]
    assert retries(captured) == 2


def test_redirects_are_resends_and_not_retries(captured, library, server):
    with obskit.instrument(library.Client(follow_redirects=True, timeout=20)) as client:
        assert client.get(f"{server.url}/moved", extensions=TEMPLATE).status_code == 200
    assert resends(captured) == [None, 1]
    assert retries(captured) is None


def test_the_same_url_again_after_a_success_is_a_new_call(captured, client, server):
    for _ in range(2):
        client.get(f"{server.url}/ok", extensions=TEMPLATE)
    assert resends(captured) == [None, None]


def test_body_that_breaks_off_is_counted_and_leaves_a_failed_span(captured, client, library, server):
    with pytest.raises(library.RemoteProtocolError):
        client.get(f"{server.url}/cut", extensions=TEMPLATE)
    labels_of_body = {
        "server_address": "127.0.0.1",
        "url_template": "/t",
        "error_type": "RemoteProtocolError",
    }
    assert captured.value("obskit_http_client_body_failures_total", **labels_of_body) == 1
    assert captured.value(COUNT, **labels()) == 1
    sent, body = captured.span("GET /t"), captured.span("GET /t body")
    assert sent.status.status_code is StatusCode.UNSET
    assert body.status.status_code is StatusCode.ERROR
    assert body.parent.span_id == sent.context.span_id


def test_async_stream_that_breaks_off_is_counted(captured, library, server):
    async def run():
        async with (
            obskit.instrument(library.AsyncClient(timeout=20)) as client,
            client.stream("GET", f"{server.url}/cut") as response,
        ):
            await response.aread()

    with pytest.raises(library.RemoteProtocolError):
        asyncio.run(run())
    labels_of_body = {"server_address": "127.0.0.1", "url_template": "", "error_type": "RemoteProtocolError"}
    assert captured.value("obskit_http_client_body_failures_total", **labels_of_body) == 1


def test_stream_that_the_caller_leaves_early_is_no_failure(captured, client, server):
    with client.stream("GET", f"{server.url}/ok", extensions=TEMPLATE):
        pass
    assert [span.name for span in captured.spans] == ["GET /t"]


def test_timeout_is_an_error_by_its_class(captured, library, server):
    with obskit.instrument(library.Client(timeout=0.05)) as client, pytest.raises(library.ReadTimeout):
        client.get(f"{server.url}/hang", extensions=TEMPLATE)
    assert captured.value(COUNT, **labels("", "ReadTimeout")) == 1


def test_refused_connection_is_an_error_by_its_class(captured, client, library, free_port):
    with pytest.raises(library.ConnectError):
        client.get(f"http://127.0.0.1:{free_port()}/", extensions=TEMPLATE)
    assert captured.value(COUNT, **labels("", "ConnectError")) == 1


def test_no_query_no_credentials_and_no_header_leave_the_process(captured, client, library, server, caplog):
    caplog.set_level(logging.DEBUG, library.__name__)
    url = server.url.replace("://", "://user:pa55word@")
    client.get(f"{url}/ok?token=s3cret#part", headers={"authorization": "Bearer s3cret"}, extensions=TEMPLATE)
    (span,) = captured.spans
    assert span.kind is SpanKind.CLIENT
    assert "s3cret" not in str(dict(span.attributes))
    assert "pa55word" not in str(dict(span.attributes))
    assert "s3cret" not in str(captured.lines)
    assert f"{span.context.trace_id:032x}" in server.seen[0][1]["traceparent"]


def test_what_is_no_client_is_refused(library):
    with pytest.raises(obskit.InstrumentError, match=r"Response.*which is no client"):
        obskit.instrument(library.Response(200))

"""The asking of a source, against real sockets."""

import asyncio
import contextlib

import pytest

from obskit.console._sources import SourceError, Sources, Urls

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def with_server(answers, use):
    """Run *use* with a pager whose connections end after each of *answers*; return the number of requests."""
    asked = []

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked.append(1)
            writer.write(answers[min(len(asked), len(answers)) - 1])
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sources = Sources(Urls(pager=f"http://127.0.0.1:{port}"))
        try:
            await use(sources.pager)
        finally:
            await sources.close()
    return len(asked)


def run(answers, use):
    return asyncio.run(with_server(answers, use))


def test_a_question_on_a_connection_that_was_let_go_is_asked_once_more():
    async def use(pager):
        assert await pager.get("/x") == {}

    assert run([b"", ANSWER], use) == 2


def test_a_change_is_never_sent_twice():
    async def use(pager):
        with pytest.raises(SourceError, match="cannot be reached"):
            await pager.send("POST", "/x", {})

    assert run([b"", ANSWER], use) == 1


def test_equal_questions_at_once_are_asked_once():
    async def use(pager):
        await asyncio.gather(*(pager.get("/x", fresh_s=60) for _ in range(5)))

    assert run([ANSWER], use) == 1


def test_a_refusal_says_what_the_source_says():
    body = b'{"error": "no such incident"}'
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n" % len(body)

    async def use(pager):
        with pytest.raises(SourceError, match="404: no such incident"):
            await pager.get("/x")

    assert run([head + body], use) == 1


def test_a_service_without_an_address_says_how_to_give_one():
    async def use():
        sources = Sources(Urls())
        with pytest.raises(SourceError) as refused:
            sources.service("inventory")
        await sources.close()
        assert "--service=inventory=" in refused.value.fix

    asyncio.run(use())

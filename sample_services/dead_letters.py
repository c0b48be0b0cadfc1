"""Messages that were given up: ``python -m sample_services.dead_letters`` lists, replays and drops them."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass

import nats
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from sample_services.streams import DEAD, REASON

__all__ = ["DeadLetter", "dead_letters", "drop", "main", "replay"]

_NATS_URL = "nats://127.0.0.1:4222"
_SHOWN = 60
_OWN = ("nats-", REASON.lower())
"""How the headers begin that are about the dead letter, and not about the message in it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of *subject* that *consumer* gave up for *reason*; *number* is its place in the stream."""

    number: int
    at: str
    consumer: str
    subject: str
    reason: str
    body: bytes
    headers: dict[str, str]


async def dead_letters(jetstream: JetStreamContext) -> AsyncIterator[DeadLetter]:
    """Yield every dead letter, the oldest first."""
    number = 0
    while True:
        try:
            found = await jetstream.get_msg(DEAD, seq=number + 1, subject="dead.>", next=True)
        except NotFoundError:
            return  # there is none behind the last one, or no service has made the stream yet
        number = found.seq or 0
        _, consumer, subject = (found.subject or "").split(".", 2)
        headers = found.headers or {}
        yield DeadLetter(
            number=number,
            at=found.time.isoformat() if found.time else "",
            consumer=consumer,
            subject=subject,
            reason=headers.get(REASON, ""),
            body=found.data or b"",
            headers={name: text for name, text in headers.items() if not name.lower().startswith(_OWN)},
        )


async def replay(jetstream: JetStreamContext, letter: DeadLetter) -> None:
    """Publish the message once more, in the trace that it came from, and take it out of the stream.

    Every consumer of its subject gets it, also those that were done with it: they know it by its key.
    A second replay within two minutes is dropped by the broker, so one that was cut off is safe to repeat.
    """
    headers = {**letter.headers, "Nats-Msg-Id": f"{DEAD}:{letter.number}"}
    await jetstream.publish(letter.subject, letter.body, headers=headers)
    await drop(jetstream, letter)  # only now: until it is stored again it is nowhere else


async def drop(jetstream: JetStreamContext, letter: DeadLetter) -> None:
    """Take the message out of the stream: nobody will do its work."""
    await jetstream.delete_msg(DEAD, letter.number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    if options.verb != "list" and not options.numbers and not options.all:
        _parser().error(f"say which to {options.verb}: their numbers, or --all")
    try:
        return asyncio.run(_run(options))
    except (NatsError, OSError) as error:
        sys.stderr.write(f"{options.nats} does not answer ({type(error).__name__}). Try: obskit status\n")
        return 1


async def _run(options: argparse.Namespace) -> int:
    client = await nats.connect(
        options.nats,
        allow_reconnect=False,
        connect_timeout=5,
        max_reconnect_attempts=1,  # a first connection is tried sixty times otherwise, two seconds apart
        reconnect_time_wait=0,
        error_cb=_ignore,
    )
    try:
        jetstream = client.jetstream()
        chosen = [
            letter
            async for letter in dead_letters(jetstream)
            if options.all or not options.numbers or letter.number in options.numbers
        ]
        if missing := sorted({*options.numbers} - {letter.number for letter in chosen}):
            sys.stderr.write(f"There is no dead letter {', '.join(map(str, missing))}.\n")
            return 1
        if options.verb == "list":
            _show(chosen, as_json=options.json)
            return 0
        act, done = (replay, "replayed") if options.verb == "replay" else (drop, "dropped")
        for letter in chosen:
            await act(jetstream, letter)
        sys.stdout.write(f"{len(chosen)} {done}\n")
        return 0
    finally:
        await client.close()


def _show(letters: Sequence[DeadLetter], *, as_json: bool) -> None:
    if as_json:
        rows = [{**asdict(letter), "body": _text(letter)} for letter in letters]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    for letter in letters:
        # As JSON writes it: a message of somebody else's making must not steer the terminal.
        body = json.dumps(_text(letter))[1:-1]
        short = body if len(body) <= _SHOWN else f"{body[:_SHOWN]}..."
        sys.stdout.write(
            f"{letter.number:>6}  {letter.at:.19}  {letter.consumer}  {letter.subject}  {letter.reason}  {short}\n"
        )
    sys.stdout.write(f"{len(letters)} dead letters\n")


def _text(letter: DeadLetter) -> str:
    return letter.body.decode(errors="replace")


async def _ignore(_error: Exception) -> None:
    """Leave it to the call that failed to say so; the client's own way is a traceback."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sample_services.dead_letters", description=__doc__)
    parser.add_argument("verb", nargs="?", default="list", choices=("list", "replay", "drop"))
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="as list shows them")
    parser.add_argument("--all", action="store_true", help="every one that is there")
    parser.add_argument("--json", action="store_true", help="list bodies and headers whole")
    parser.add_argument("--nats", default=os.environ.get("NATS_URL", _NATS_URL), metavar="URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())

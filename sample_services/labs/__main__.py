"""The command line: ``python -m sample_services.labs run n-plus-one-vs-join --json``."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

import obskit
from sample_services.labs.bench import Options
from sample_services.labs.catalogue import LABS, find
from sample_services.labs.errors import LabError
from sample_services.labs.frame import Lab, Result, run_lab
from sample_services.labs.show import as_json, markdown, show
from sample_services.loadgen.page import serving

_INTERRUPTED = 130
_NO_BOARD = "obskit-labs; obskit up shows it at http://127.0.0.1:8600/d/obskit-labs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "list":
            _list(as_json=options.json)
        elif options.verb == "table":
            sys.stdout.write(
                markdown([json.loads(file.read_text(encoding="utf-8")) for file in options.files])
            )
        else:
            _run(find(options.name), options)
    except LabError as error:
        sys.stderr.write(f"Error: {error}\n" + (f"Fix:   {error.fix}\n" if error.fix else ""))
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED
    return 0


def _list(*, as_json: bool) -> None:
    if as_json:
        rows = [
            {"name": lab.name, "question": lab.question, "ways": lab.ways, "seconds": lab.whole_s}
            for lab in LABS
        ]
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    width = max(len(lab.name) for lab in LABS)
    for lab in LABS:
        sys.stdout.write(f"{lab.name:<{width}}  {lab.question} ({', '.join(lab.ways)})\n")


def _run(lab: Lab, options: argparse.Namespace) -> None:
    chosen = Options(
        rate=options.rate, seconds=options.seconds, repetitions=options.repetitions, scale=options.scale
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result = runner.run(_watched(lab, chosen, options.port))
    finally:
        obskit.shutdown()
    if options.json:
        sys.stdout.write(json.dumps(as_json(result, options.board), indent=2) + "\n")
    else:
        show(result, options.board)


async def _watched(lab: Lab, options: Options, port: int) -> Result:
    """Run *lab* with its metrics served on *port*, and take everything down when told to stop."""
    running = asyncio.ensure_future(run_lab(lab, options, _report))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    if not port:
        return await running
    async with serving(port):
        return await running


def _report(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m sample_services.labs",
        description="Two or more ways of doing one thing, side by side under the same load.",
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="name every lab")
    listing.add_argument("--json", action="store_true", help="print JSON")
    writing = verbs.add_parser("table", help="make a Markdown table of what run --json has printed")
    writing.add_argument("files", nargs="+", type=Path, help="files with that JSON")
    running = verbs.add_parser("run", help="run one lab")
    add = running.add_argument
    add("name", help="a lab of list")
    add("--json", action="store_true", help="print JSON")
    add("--rate", type=float, help="calls a second (default: the lab's own)")
    add("--seconds", type=float, help="of one repetition of one way (default: the lab's own)")
    add("--repetitions", type=int, default=3, help="of each way, in turn (default: %(default)s)")
    add("--scale", type=float, default=1.0, help="size of data, length of outages (default: %(default)g)")
    add("--port", type=int, default=0, help="serve the lab's metrics there")
    add("--board", default=_NO_BOARD, help="address of the board, to be shown")
    return made


if __name__ == "__main__":
    sys.exit(main())

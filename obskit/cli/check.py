"""``obskit check``: run acceptance checks against somebody's own service."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from obskit.cli._child import run_child
from obskit.cli._options import JsonOption
from obskit.cli._output import print_json, print_lines
from obskit.errors import ConfigError, StackError
from obskit.testing.acceptance import Result, check_url, load_checks

__all__ = ["check"]

File = Annotated[Path, typer.Argument(metavar="FILE", help="Checks in YAML; see obskit/testing/README.md.")]
App = Annotated[
    str, typer.Option("--app", metavar="MODULE:APP", help="The application, or a function that makes it.")
]
Url = Annotated[str, typer.Option("--url", help="A service that is up; log lines and spans stay unseen.")]


def check(file: File, app: App = "", url: Url = "", as_json: JsonOption = False) -> None:
    """Send the requests of FILE and compare status, log lines, spans and metrics; exit 1 on a difference.

    \b
    Example:
      obskit check checks.yaml --app shop.main:app
      obskit check checks.yaml --url http://127.0.0.1:8081
    """
    if bool(app) == bool(url):
        msg = "give one of --app MODULE:APP and --url ADDRESS"
        raise typer.BadParameter(msg)
    load_checks(file)
    results = _of_app(file, app) if app else check_url(file, url)
    if as_json:
        print_json(
            {"passed": all(each.passed for each in results), "checks": [_plain(each) for each in results]}
        )
    else:
        _show(results)
    if not all(each.passed for each in results):
        raise typer.Exit(1)


def _of_app(file: Path, app: str) -> list[Result]:
    child = run_child("obskit.testing.acceptance", [str(file), app])
    if child.answer is None:
        msg = f"The application {app} could not be checked: {child.last_words}."
        raise StackError(msg, fix=f"python -c 'import {app.partition(':')[0]}'", output=child.stderr[-2000:])
    if "error" in child.answer:
        raise ConfigError(child.answer["error"])
    return [
        Result(each["name"], tuple(each["problems"]), tuple(each["unseen"]))
        for each in child.answer["results"]
    ]


def _plain(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "passed": result.passed,
        "problems": list(result.problems),
        "unseen": list(result.unseen),
    }


def _show(results: Sequence[Result]) -> None:
    for result in results:
        print_lines(f"{'ok  ' if result.passed else 'FAIL'}  {result.name}")
        print_lines(*(f"        {problem}" for problem in result.problems))
        if result.unseen:
            print_lines(f"        not seen from outside: {', '.join(result.unseen)}; use --app for them")
    failed = sum(not each.passed for each in results)
    print_lines("", f"{len(results) - failed} of {len(results)} checks passed.")

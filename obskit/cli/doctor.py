"""``obskit doctor``."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from obskit import stack
from obskit.cli._doctor import Finding, examine_application, examine_environment, examine_stack
from obskit.cli._options import HomeOption, JsonOption
from obskit.cli._output import print_json, print_lines

__all__ = ["doctor"]

_UNUSABLE = {"log dir": "OBSKIT_LOG_DIR", "workers": "PROMETHEUS_MULTIPROC_DIR"}
"""Variables whose line says enough: the application is looked at without them."""

App = Annotated[
    str, typer.Option("--app", metavar="MODULE:APP", help="The application, or a function that makes it.")
]
Request = Annotated[
    str,
    typer.Option(
        "--request", metavar="'GET /path'", help="What to send; without it, a GET route without parameters."
    ),
]


def doctor(
    app: App = "", request: Request = "", home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Say which link of the chain is broken, in the stack that runs or in an application; exit 1 on a fail.

    Of a stack that runs: services to scrape, rules, Alertmanager and pager; to
    the stores of logs and traces; boards to their data. With --app one real
    request is sent through that application instead.

    \b
    Example:
      obskit doctor
      obskit doctor --app shop.main:app
      obskit doctor --app shop.main:create_app --request 'GET /orders?limit=1'
    """
    method, _, path = request.partition(" ")
    if request and not (method.isupper() and path.strip().startswith("/")):
        msg = f"{request!r} is no method and path, such as 'GET /orders'"
        raise typer.BadParameter(msg, param_hint="--request")
    findings = examine_environment(os.environ)
    if app:
        named = {finding.check for finding in findings if finding.state != "ok"}
        without = [variable for check, variable in _UNUSABLE.items() if check in named]
        about_app = examine_application(app, request, without=without)
        named = {finding.check for finding in about_app}
        findings = [*(each for each in findings if each.check not in named), *about_app]
    else:
        findings += examine_stack(stack.Home.at(home))
    if as_json:
        print_json({"ok": not _has_failed(findings), "findings": [asdict(each) for each in findings]})
    else:
        _show(findings)
    if _has_failed(findings):
        raise typer.Exit(1)


def _has_failed(findings: Sequence[Finding]) -> bool:
    return any(finding.state == "fail" for finding in findings)


def _show(findings: Sequence[Finding]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        print_lines(f"{finding.state:<4}  {finding.check:<{width}}  {finding.what}")
        if finding.fix:
            print_lines(f"{'':<{width + 6}}  fix: {finding.fix}")
    count = Counter(finding.state for finding in findings)
    print_lines("", f"{count['ok']} ok, {count['warn']} warn, {count['fail']} fail.")

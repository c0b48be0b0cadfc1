"""Opens the pages that an incident links to, and looks whether they have what they promise."""

import html
import json
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from obskit._assets import asset
from obskit.cli._verify._check import Check
from obskit.cli._verify._eyes import Eyes

__all__ = ["WANTED", "check_links"]

WANTED = ("Runbook", "Dashboard", "Logs")
"""The links that an incident of an alert has."""

_LOOK_BACK_S = 3600.0
_PREFIX = "obskit-"
_SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation")


def check_links(eyes: Eyes, incident: dict[str, Any], alert: str) -> Check:
    """Open the page of *incident* and each of its links.

    A runbook has the alert's name and its four parts, a dashboard's page its title, the page of
    logs its query, which also has to find lines in the log store.

    Raises:
        StackError: the log store does not answer, or refuses the query.
    """
    links = {link["text"]: link["href"] for link in incident["links"]}
    problems = {name: "is missing" for name in WANTED if name not in links}
    for name, address in {"Incident": incident["url"], **links}.items():
        problem = _problem(eyes, name, address, {"alert": alert, "title": incident["title"]})
        if problem:
            problems[name] = problem
    said = "; ".join(f"{name} {problem}" for name, problem in problems.items())
    measured = {"pages": {"Incident": incident["url"], **links}}
    return Check(passed=not problems, said=said or f"{len(links) + 1} pages open", measured=measured)


def _problem(eyes: Eyes, name: str, address: str, about: dict[str, str]) -> str:
    """Return what is wrong with a page, or nothing."""
    try:
        answer = eyes.client.get(address, follow_redirects=True)
    except httpx.HTTPError as error:
        return f"cannot be opened ({type(error).__name__})"
    if answer.status_code != HTTPStatus.OK:
        return f"answers {answer.status_code}"
    text = _plain(answer.text)
    missing = [part for part in _promised(name, address, about) if part not in text]
    if missing:
        return f"does not show {missing[0]!r}"
    query = _query(address)
    if name == "Logs" and query and not eyes.lines(query, time.time() - _LOOK_BACK_S):
        return f"finds no line with {query}"
    return ""


def _promised(name: str, address: str, about: dict[str, str]) -> list[str]:
    if name == "Incident":
        return [about["title"]]
    if name == "Runbook":
        return [about["alert"], *_SECTIONS]
    if name == "Dashboard":
        return [_title(urlsplit(address).path.rpartition("/")[2])]
    return [query] if (query := _query(address)) else []


def _query(address: str) -> str:
    return parse_qs(urlsplit(address).query).get("query", [""])[0]


def _title(uid: str) -> str:
    path = asset("dashboards", "json") / f"{uid.removeprefix(_PREFIX)}.json"
    return str(json.loads(path.read_text(encoding="utf-8"))["title"]) if path.is_file() else uid


def _plain(page: str) -> str:
    """Return a page's text as it is read: NiceGUI writes its elements as JSON inside of a script."""
    return unquote(html.unescape(html.unescape(page))).replace('\\"', '"').replace("\\\\", "\\")

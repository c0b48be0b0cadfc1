"""Labels of pushed streams: how they are written, and what Loki accepts."""

import re
from collections.abc import Mapping

from obskit.embedded.logs._errors import PushError

__all__ = ["check_labels", "read_labels", "shown_labels"]

MAX_NAMES = 15
MAX_NAME_BYTES = 1_024
MAX_VALUE_BYTES = 2_048
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PAIR = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)\s*')


def shown_labels(labels: Mapping[str, str]) -> str:
    """Return *labels* as Loki shows them: ``{a="b", c="d"}``."""
    pairs = (f"{name}={_quoted(labels[name])}" for name in sorted(labels))
    return "{" + ", ".join(pairs) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def read_labels(text: str) -> dict[str, str]:
    """Return the labels that *text* such as ``{a="b"}`` is.

    Raises:
        PushError: it is none.
    """
    from obskit.embedded.logs.logql import unquote

    body = text.strip()
    problem = PushError(f"error parsing labels '{text[:200]}' with error: 1:1: parse error: unexpected text")
    if body[:1] != "{" or body[-1:] != "}":
        raise problem
    labels: dict[str, str] = {}
    at, end = 1, len(body) - 1
    while at < end:
        match = _PAIR.match(body, at, end)
        if match is None or match[1] in labels:
            raise problem
        try:
            labels[match[1]] = unquote(match[2]) if match[2][0] == '"' else match[2][1:-1]
        except ValueError as error:
            raise problem from error
        at = match.end()
        if body[at] == "," and at < end:
            at += 1
        elif at < end:
            raise problem
    return labels


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that Loki refuses.

    Raises:
        PushError: the text is Loki's.
    """
    problem = ""
    if not labels:
        problem = "error at least one label pair is required per stream"
    elif len(labels) > MAX_NAMES:
        problem = (
            f"entry for stream '{shown_labels(labels)}' has {len(labels)} label names; limit {MAX_NAMES}"
        )
    for name, value in labels.items():
        if not _NAME.fullmatch(name):
            problem = f"error parsing labels '{shown_labels(labels)[:200]}' with error: invalid label name {name[:50]!r}"
        elif len(name) > MAX_NAME_BYTES:
            problem = f"stream '{shown_labels(labels)}' has label name too long: '{name}'"
        elif len(value.encode()) > MAX_VALUE_BYTES:
            problem = f"stream '{shown_labels(labels)}' has label value too long: '{value}'"
    if problem:
        raise PushError(problem)

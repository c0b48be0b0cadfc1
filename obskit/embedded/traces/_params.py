"""Reads the parameters of Tempo's query API, and refuses them with its texts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from obskit.embedded.traces._errors import RequestError
from obskit.embedded.traces._reads import Window
from obskit.embedded.traces.traceql import parse_go_duration

__all__ = ["SearchParams", "TagParams", "search_params", "tag_params", "trace_id_of", "window_of"]

_DEFAULT_LIMIT, _MAX_LIMIT = 20, 5_000
_DEFAULT_SPANS, _MAX_SPANS = 3, 100
_MAX_RANGE_S = 168 * 3_600
_SECOND, _MS = 1_000_000_000, 1_000_000
_MAX_BITS = 128
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_RESERVED = {"q", "tags", "minDuration", "maxDuration", "limit", "spss", "start", "end"}
_KEY = re.compile(r"[^\s=\"]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"[^\s=\"]*")
_SCOPES = {"", "none", "resource", "span", "intrinsic", "event", "link", "instrumentation", "trace"}

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SearchParams:
    """A search: by *query*, or by *tags* and durations in nanoseconds. *spans* are shown of a set."""

    window: Window | None
    query: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    min_duration: int = 0
    max_duration: int = 0
    limit: int = _DEFAULT_LIMIT
    spans: int = _DEFAULT_SPANS


@dataclass(frozen=True, slots=True)
class TagParams:
    """A question for names or values of tags; *limit* 0 is none."""

    window: Window | None
    query: str
    scope: str
    limit: int


def search_params(params: Params) -> SearchParams:
    """Return the search that *params* ask for.

    Raises:
        RequestError: one of them cannot be used.
    """
    start, end = _unsigned(params, "start"), _unsigned(params, "end")
    query, tags = params.get("q", ""), _tags(params)
    if query and params.get("tags"):
        msg = "invalid request: can't specify tags and q in the same query"
        raise RequestError(msg)
    if not (query or params.get("tags") or start or end):
        # What the first Grafana sent: every other parameter is a tag.
        tags = {name: value for name, value in params.items() if name not in _RESERVED and value}
    least, most = _durations(params)
    return SearchParams(
        window=_checked_window(start, end),
        query=query,
        tags=tags,
        min_duration=least,
        max_duration=most,
        limit=_limit(params),
        spans=_spans(params),
    )


def tag_params(params: Params) -> TagParams:
    """Return what *params* ask about tags.

    Raises:
        RequestError: one of them cannot be used.
    """
    scope = params.get("scope", "")
    if scope not in _SCOPES:
        msg = f"invalid scope: {scope[:100]}"
        raise RequestError(msg)
    start, end = _unsigned(params, "start"), _unsigned(params, "end")
    limit = params.get("limit", "")
    return TagParams(
        window=window_of(start, end),
        query=params.get("q", ""),
        scope="" if scope == "none" else scope,
        limit=int(limit) if _DIGITS.fullmatch(limit) and len(limit) < len(str(2**32)) else 0,
    )


def window_of(start: int, end: int) -> Window | None:
    """Return the nanoseconds of a window in seconds; without both ends there is none."""
    return (start * _SECOND, end * _SECOND) if start > 0 and end > 0 else None


def trace_id_of(text: str) -> bytes:
    """Return the bytes of a trace id in hex, which may leave out leading zeros.

    Raises:
        RequestError: it is none.
    """
    for at, character in enumerate(text, 1):
        if character not in "0123456789abcdefABCDEF":
            msg = (
                f"trace IDs can only contain hex characters: invalid character '{character}' at position {at}"
            )
            raise RequestError(msg)
    if len(text) * 4 > _MAX_BITS:
        msg = f"trace IDs can't be larger than {_MAX_BITS} bits"
        raise RequestError(msg)
    return bytes.fromhex(text.zfill(_MAX_BITS // 4))


def _checked_window(start: int, end: int) -> Window | None:
    if (start or end) and end <= start:
        msg = f"http parameter start must be before end. received start={start} end={end}"
        raise RequestError(msg)
    if end - start > _MAX_RANGE_S:
        msg = f"range specified by start and end exceeds 168h0m0s. received start={start} end={end}"
        raise RequestError(msg)
    return window_of(start, end)


def _limit(params: Params) -> int:
    if not params.get("limit"):
        return _DEFAULT_LIMIT
    limit = _unsigned(params, "limit")
    if not limit:
        msg = "invalid limit: must be a positive number"
        raise RequestError(msg)
    if limit > _MAX_LIMIT:
        msg = f"limit {limit} exceeds max limit {_MAX_LIMIT}"
        raise RequestError(msg)
    return limit


def _spans(params: Params) -> int:
    spans = _unsigned(params, "spss")
    if spans > _MAX_SPANS:
        msg = f"spans per span set exceeds {_MAX_SPANS}. received {spans}"
        raise RequestError(msg)
    return spans or _DEFAULT_SPANS


def _unsigned(params: Params, name: str) -> int:
    text = params.get(name, "")
    if not text:
        return 0
    if not _DIGITS.fullmatch(text):
        msg = f'invalid {name}: strconv.ParseUint: parsing "{text[:100]}": invalid syntax'
        raise RequestError(msg)
    if len(text.lstrip("0")) > len(str(2**32)) or int(text) >= 2**32:
        msg = f'invalid {name}: strconv.ParseUint: parsing "{text[:100]}": value out of range'
        raise RequestError(msg)
    return int(text)


def _durations(params: Params) -> tuple[int, int]:
    least, most = _duration(params, "minDuration"), _duration(params, "maxDuration")
    if params.get("maxDuration") and least and least > most:
        msg = "invalid maxDuration: must be greater than minDuration"
        raise RequestError(msg)
    return least, most


def _duration(params: Params, name: str) -> int:
    text = params.get(name, "")
    if not text:
        return 0
    nanos = parse_go_duration(text)
    if nanos is None:
        msg = f'invalid {name}: time: invalid duration "{text[:100]}"'
        raise RequestError(msg)
    # Tempo counts whole milliseconds, in 32 bits.
    return (nanos // _MS) % 2**32 * _MS


def _tags(params: Params) -> dict[str, str]:
    """Read logfmt: ``key=value key2="value 2"``."""
    text = params.get("tags", "")
    tags: dict[str, str] = {}
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        key = _KEY.match(text, at)
        if key is None:
            raise _unexpected(text, at)
        value, at = _tag_value(text, key.end())
        if key[0] in tags:
            msg = f"invalid tags: tag {key[0][:100]} has been set twice"
            raise RequestError(msg)
        tags[key[0]] = value
    return tags


def _tag_value(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != "=":
        if text[at : at + 1] == '"':
            raise _unexpected(text, at)
        return "", at
    quoted = _QUOTED.match(text, at + 1)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    bare = _BARE.match(text, at + 1)
    end = at + 1 if bare is None else bare.end()
    if text[end : end + 1] in {'"', "="}:
        raise _unexpected(text, end)
    return text[at + 1 : end], end


def _unexpected(text: str, at: int) -> RequestError:
    return RequestError(f"invalid tags: unexpected '{text[at]}' at pos {at + 1}")

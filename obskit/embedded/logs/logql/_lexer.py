"""Cuts a query into tokens as Loki does: durations and sizes are one token, function names are names elsewhere."""

import re
from collections.abc import Iterator
from typing import Any

from lark import Token
from lark.lexer import Lexer

from obskit.embedded.logs._errors import ParseError, RefusedError
from obskit.embedded.logs.logql import _units

__all__ = ["KNOWN_AS", "LogQLLexer", "unquote"]

MAX_BRACKETS = 500

RANGE_OPS = (
    "count_over_time",
    "rate",
    "rate_counter",
    "bytes_over_time",
    "bytes_rate",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
    "absent_over_time",
)
VECTOR_OPS = (
    "sum",
    "sort",
    "sort_desc",
    "avg",
    "max",
    "min",
    "count",
    "stddev",
    "stdvar",
    "bottomk",
    "topk",
    "approx_topk",
)
_FUNCTIONS = {
    **dict.fromkeys(RANGE_OPS, "RANGE_OP"),
    **dict.fromkeys(VECTOR_OPS, "VECTOR_OP"),
    **dict.fromkeys(("bytes", "duration", "duration_seconds"), "CONV_OP"),
    "vector": "VECTOR",
    "label_replace": "LABEL_REPLACE",
    "ip": "IP",
}
_SYMBOLS = {
    ",": "_COMMA",
    ".": "DOT",
    "{": "_LBRACE",
    "}": "_RBRACE",
    "=": "EQ",
    "!=": "NEQ",
    "=~": "RE",
    "!~": "NRE",
    "!>": "NPA",
    "|=": "PIPE_EXACT",
    "|~": "PIPE_MATCH",
    "|>": "PIPE_PATTERN",
    "|": "_PIPE",
    "(": "_LPAR",
    ")": "_RPAR",
    "+": "ADD",
    "-": "SUB",
    "*": "MUL",
    "/": "DIV",
    "%": "MOD",
    "^": "POW",
    "==": "CMP_EQ",
    ">": "GT",
    ">=": "GTE",
    "<": "LT",
    "<=": "LTE",
}
_WORDS = {
    word: word.upper()
    for word in (
        *("by", "without", "bool", "offset", "on", "ignoring", "group_left", "group_right"),
        *("or", "and", "unless", "unwrap", "json", "regexp", "logfmt", "unpack", "pattern"),
        *("label_format", "line_format", "decolorize", "drop", "keep", "variants", "of"),
    )
}
KNOWN_AS = {
    **{token: symbol for symbol, token in _SYMBOLS.items()},
    **{token: word for word, token in _WORDS.items()},
    "IP": "ip",
    "LABEL_REPLACE": "label_replace",
    "NAME": "IDENTIFIER",
    "FLAG": "FUNCTION_FLAG",
    "$END": "$end",
}
"""What Loki calls a token in an error, in the order in which it lists them."""

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n]+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<flag>--strict\b|--keep-empty\b)
    |(?P<word>[^\W\d]\w*)
    |(?P<range>\[[^\]]*\])
    |(?P<symbol>=~|!=|!~|!>|\|=|\|~|\|>|==|>=|<=|[,.{}=|()<>+\-*/%^])
    """,
    re.VERBOSE | re.DOTALL,
)
_DURATION_REST = re.compile(r"[\d.nuµmshdwy]+")
_BYTES_REST = re.compile(r"[\d.BikKMGTP]+")
_CALL = re.compile(r"\s*(?:\(|(?:by|without)\s*\()", re.IGNORECASE)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MOST_OCTAL = 0o377
_MOST_RUNE = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


class LogQLLexer(Lexer):
    """The lexer that the grammar's parser is built with."""

    def __init__(self, lexer_conf: Any) -> None:
        """Take Lark's settings, of which none matters here."""

    def lex(self, data: str) -> Iterator[Token]:  # type: ignore[override]  # Lark hands the text to a custom lexer
        """Return the tokens of the query *data*.

        Raises:
            ParseError: something in it is no token.
            RefusedError: it has too many brackets.
        """
        position, brackets, line, line_start = 0, 0, 1, 0
        while position < len(data):
            kind, value, end = _next(data, position)
            if kind == "_LPAR":
                brackets += 1
                if brackets > MAX_BRACKETS:
                    what = f"a query with more than {MAX_BRACKETS} opening brackets"
                    raise RefusedError(what)
            if kind:
                yield Token(kind, value, position, line, position - line_start + 1)
            newlines = data.count("\n", position, end)
            if newlines:
                line, line_start = line + newlines, data.rindex("\n", position, end) + 1
            position = end


def _place(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _next(text: str, position: int) -> tuple[str, Any, int]:
    match = _TOKEN.match(text, position)
    if match is None:
        return _stray(text, position)
    found, end = match[0], match.end()
    if match.lastgroup == "number":
        return _number(text, position, end)
    if match.lastgroup == "word":
        return _word(text, found, end)
    if match.lastgroup == "symbol":
        return _symbol(text, found, end)
    return *_enclosed(match.lastgroup, found, text, position), end


def _enclosed(kind: str | None, found: str, text: str, position: int) -> tuple[str, Any]:
    if kind == "range":
        return "RANGE", _read(_units.prometheus_duration, found[1:-1], text, position)
    if kind == "string":
        return "STRING", _read(unquote, found, text, position)
    if kind == "raw":
        return "STRING", found[1:-1]
    return ("FLAG" if kind == "flag" else ""), found


def _read(parse: Any, found: str, text: str, position: int) -> Any:
    try:
        return parse(found)
    except ValueError as error:
        raise ParseError(str(error), *_place(text, position)) from error


def _stray(text: str, position: int) -> tuple[str, Any, int]:
    place = _place(text, position)
    if text[position] == "[":
        message = "missing closing ']' in duration"
        raise ParseError(message, *place)
    if text[position] in "\"`'":
        message = "literal not terminated"
        raise ParseError(message, *place)
    return "NAME", text[position], position + 1


def _number(text: str, start: int, end: int) -> tuple[str, Any, int]:
    for kind, rest, parse in (
        ("DURATION", _DURATION_REST, _duration),
        ("BYTES", _BYTES_REST, _units.size_in_bytes),
    ):
        tail = rest.match(text, end)
        if tail is not None:
            try:
                return kind, parse(text[start : tail.end()]), tail.end()
            except ValueError:
                continue
    return "NUMBER", text[start:end], end


def _duration(text: str) -> int:
    try:
        return _units.prometheus_duration(text)
    except ValueError:
        return _units.go_duration(text)


def _symbol(text: str, found: str, end: int) -> tuple[str, Any, int]:
    if found == "-":
        tail = _DURATION_REST.match(text, end)
        if tail is not None:
            try:
                return "DURATION", _units.go_duration("-" + tail[0]), tail.end()
            except ValueError:
                pass
    return _SYMBOLS[found], found, end


def _word(text: str, found: str, end: int) -> tuple[str, Any, int]:
    lowered = found.lower()
    if lowered in _FUNCTIONS:
        return (_FUNCTIONS[lowered], lowered, end) if _CALL.match(text, end) else ("NAME", found, end)
    if lowered in _WORDS:
        return _WORDS[lowered], lowered, end
    return "NAME", found, end


def unquote(quoted: str) -> str:
    """Return the text that a constant in double quotes is.

    Raises:
        ValueError: it has an escape that Go does not know.
    """
    return _ESCAPE.sub(_unescaped, quoted[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    letter, byte, octal, short, long, other = match.groups()
    if letter:
        return _ESCAPES.get(letter, letter)
    code = int(octal, 8) if octal else int(byte or short or long or "-1", 16)
    if other is not None or code > _MOST_RUNE or code in _SURROGATES or (octal and code > _MOST_OCTAL):
        msg = "invalid syntax"
        raise ValueError(msg)
    return chr(code)

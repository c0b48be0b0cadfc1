"""Splits SQL into tokens and puts ``?`` in the place of every value.

Not a parser: it knows what a value can look like in each dialect, and where it is in doubt
it takes a token for a value. What it lets through is keywords, names and punctuation.
"""

import re
from collections.abc import Iterator, Sequence

__all__ = ["VALUE", "shown", "tokens"]

VALUE = "?"

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<hash>\#[^\n]*)
    |(?P<tag>\$(?:[^\W\d]\w*)?\$)
    |(?P<value>\$\d+|%\(\w+\)s|%s|\?\d*|(?<![:\w]):[^\W\d]\w*|@\w+|\.?\d(?:[eE][+-]\d|[\w.])*)
    |(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?\Z))
    |(?P<string>(?:[bBxXnN]|[uU]&|_\w+)?')
    |(?P<quoted>"(?:[^"]|"")*(?:"|\Z)|`(?:[^`]|``)*(?:`|\Z))
    |(?P<word>[^\W\d][\w$]*)
    |(?P<other>::|->>?|[<>=!|&~]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"(?:[^']|'')*(?:'|\Z)", re.DOTALL)
_BACKSLASHED = re.compile(r"(?:[^'\\]|\\.|'')*(?:'|\\?\Z)", re.DOTALL)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_MYSQL = frozenset({"mysql", "mariadb"})
_DOUBLE_QUOTED_VALUES = _MYSQL | {"sqlite"}
"""Where "x" is a string when no column is called x (SQLite), or always (MySQL)."""
_NAMES_FOLLOW = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "AS", "ON", ".", "ONLY", "EXISTS"})


def tokens(sql: str, system: str) -> Iterator[str]:
    """Yield the tokens of *sql* without comments; values as ``?``, names without their quotes.

    *system* is SQLAlchemy's name of the dialect, such as ``postgresql``.
    """
    before, position = "", 0
    while match := _TOKEN.match(sql, position):
        kind, position = match.lastgroup or "", _end(sql, match, system)
        if kind in {"space", "comment"} or (kind == "hash" and system in _MYSQL):
            continue
        token = match[0]
        if kind in {"value", "escaped", "string", "tag"}:
            token = VALUE
        elif kind == "hash":
            token = token[0]
        elif kind == "quoted":
            doubtful = system in _DOUBLE_QUOTED_VALUES and before not in _NAMES_FOLLOW
            token = _name(token, doubtful=doubtful and sql[position : position + 1] != ".")
        yield token
        before = token.upper()


def _end(sql: str, match: re.Match[str], system: str) -> int:
    """Return where the token that *match* begins is over."""
    end = match.end()
    if match.lastgroup == "comment":
        return _after_comment(sql, end)
    if match.lastgroup == "tag":
        found = sql.find(match[0], end)
        return len(sql) if found < 0 else found + len(match[0])
    if match.lastgroup == "string":
        rest = (_BACKSLASHED if system in _MYSQL else _PLAIN).match(sql, end)
        return len(sql) if rest is None else rest.end()
    if match.lastgroup == "hash" and system not in _MYSQL:
        return match.start() + 1  # an operator there, not a comment
    return end


def _after_comment(sql: str, position: int) -> int:
    """Return where the comment ends; PostgreSQL nests them, and showing too little is the safe side."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(sql, position):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(sql)


def _name(token: str, *, doubtful: bool) -> str:
    closed = len(token) > 1 and token[-1] == token[0]
    return VALUE if not closed or (doubtful and token[0] == '"') else token[1:-1]


_TIGHT_BEFORE = frozenset({")", ",", ".", ";", "::", "["})
_TIGHT_AFTER = frozenset({"", "(", ".", "::", "["})
_LISTS = frozenset({"IN", "VALUES", "ANY", "ALL"})
_SPACED = _LISTS | {"AS", "FROM", "AND", "OR", "NOT", "WHERE", "ON", "EXISTS", "UNION", "SELECT", "OVER"}


def shown(parts: Sequence[str]) -> str:
    """Return the statement of *parts* as it may be shown, with a list of values as one ``(?)``.

    So a statement is one fingerprint, however many rows or values it is run with.
    """
    text: list[str] = []
    before = ""
    for part in _collapsed(parts):
        calls = part == "(" and (before[:1].isalnum() or before[:1] == "_") and before.upper() not in _SPACED
        tight = calls or part in _TIGHT_BEFORE or before in _TIGHT_AFTER
        text.append(part if tight else f" {part}")
        before = part
    return "".join(text)


def _collapsed(parts: Sequence[str]) -> Iterator[str]:
    index = 0
    while index < len(parts):
        yield parts[index]
        index += 1
        if parts[index - 1].upper() in _LISTS and (end := _after_values(parts, index)):
            yield from ("(", VALUE, ")")
            index = end
            while parts[index : index + 1] == [","] and (end := _after_values(parts, index + 1)):
                index = end


def _after_values(parts: Sequence[str], start: int) -> int:
    """Return the position after a bracket that holds values only, or 0 when there is none at *start*."""
    if start >= len(parts) or parts[start] != "(":
        return 0
    depth = 0
    for index in range(start, len(parts)):
        part = parts[index]
        depth += {"(": 1, ")": -1}.get(part, 0)
        if not depth:
            return index + 1
        is_value = part in {"?", ",", "(", ")", "::", "[", "]", "-"} or part.upper() in {"NULL", "DEFAULT"}
        if not is_value and parts[index - 1] != "::":
            return 0
    return len(parts)  # cut off: a list that long is values

"""Turns the text of a query into values."""

from functools import lru_cache

from lark import Lark, Token
from lark.exceptions import UnexpectedToken

from obskit.embedded.logs._errors import ParseError, QueryError
from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._builder import Builder
from obskit.embedded.logs.logql._grammar import GRAMMAR
from obskit.embedded.logs.logql._lexer import KNOWN_AS, LogQLLexer

__all__ = ["parse", "parse_logs", "parse_matchers"]

MAX_QUERY = 131_072
_MOST_EXPECTED = 4
_ORDER = (
    *("BYTES", "NAME", "STRING", "NUMBER", "FLAG", "DURATION", "RANGE"),
    "EQ",
    "RE",
    "NRE",
    "_RBRACE",
    "_COMMA",
)


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer=LogQLLexer, transformer=Builder(), maybe_placeholders=True)


@lru_cache(maxsize=256)
def parse(text: str) -> _ast.Expression:
    """Return the query that *text* is.

    Raises:
        ParseError: it is not LogQL; the text is Loki's.
        RefusedError: it is LogQL that this store does not answer.
    """
    if len(text) >= MAX_QUERY:
        message = f"input size too long ({len(text)} > {MAX_QUERY})"
        raise ParseError(message)
    try:
        query: _ast.Expression = _grammar().parse(text)  # type: ignore[assignment]  # the transformer makes no tree
    except UnexpectedToken as error:
        raise _unexpected(text, error) from error
    return query


def parse_logs(text: str) -> _ast.Logs:
    """Return the log query that *text* is.

    Raises:
        QueryError: it is none.
    """
    query = parse(text)
    if not isinstance(query, _ast.Logs):
        msg = "only log selector is supported"
        raise QueryError(msg)
    return query


def parse_matchers(text: str) -> tuple[_ast.Matcher, ...]:
    """Return the matchers of a selector without stages.

    Raises:
        QueryError: *text* is something else.
    """
    query = parse(text)
    if not isinstance(query, _ast.Logs) or query.stages:
        msg = "only label matchers are supported"
        raise QueryError(msg)
    return query.matchers


def _unexpected(text: str, error: UnexpectedToken) -> ParseError:
    token: Token = error.token
    message = f"syntax error: unexpected {_shown(token)}"
    expected = sorted(
        error.accepts or (), key=lambda kind: (_ORDER.index(kind) if kind in _ORDER else 99, kind)
    )
    if 0 < len(expected) <= _MOST_EXPECTED:
        message += ", expecting " + " or ".join(KNOWN_AS.get(kind, kind) for kind in expected)
    if token.type == "$END":
        lines = text.split("\n")
        return ParseError(message, len(lines), len(lines[-1]) + 1)
    return ParseError(message, token.line or 1, token.column or 1)


def _shown(token: Token) -> str:
    if token.type in {"RANGE_OP", "VECTOR_OP", "CONV_OP"}:
        return str(token.value).upper()
    return KNOWN_AS.get(token.type, token.type)

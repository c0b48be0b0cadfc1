"""What is known of a statement by its text: operation, table, and how it may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from obskit.catalog import OTHER
from obskit.db._tokens import shown, tokens

__all__ = ["Statement", "Statements", "parse"]

_OPERATIONS = frozenset(
    "ALTER ANALYZE ATTACH BEGIN CALL CLOSE COMMENT COMMIT COPY CREATE DECLARE DELETE DETACH DO DROP EXECUTE "  # noqa: SIM905 - a word list reads better as words
    "EXPLAIN FETCH GRANT INSERT LISTEN LOCK MERGE NOTIFY PRAGMA REFRESH REINDEX RELEASE REPLACE REVOKE ROLLBACK "
    "SAVEPOINT SELECT SET SHOW START TRUNCATE UNLISTEN UPDATE USE VACUUM VALUES".split()
)
_AFTER_CTE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES"})
_OWN_TABLE = {
    "INSERT": frozenset({"INTO"}),
    "REPLACE": frozenset({"INTO"}),
    "MERGE": frozenset({"INTO"}),
    "DELETE": frozenset({"FROM"}),
    "TRUNCATE": frozenset({"TRUNCATE", "TABLE"}),
    "ALTER": frozenset({"TABLE"}),
    "CREATE": frozenset({"TABLE", "ON"}),
    "DROP": frozenset({"TABLE"}),
    "COPY": frozenset({"COPY"}),
    "UPDATE": frozenset({"UPDATE"}),
    "LOCK": frozenset({"TABLE"}),
}
"""By operation, the words that the table's name follows."""
_FILLERS = frozenset(
    {"ONLY", "IF", "NOT", "EXISTS", "TABLE", "OR", "ROLLBACK", "ABORT", "REPLACE", "FAIL", "IGNORE"}
)
_LONGEST = 4096
"""Characters of a statement that are looked at; a longer one is an INSERT of many rows."""
_SHOWN = 2000
_KEPT = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One statement, whatever values it is run with; two of the same text are the same object.

    *text* has ``?`` for each value.
    """

    operation: str
    collection: str
    text: str

    @property
    def summary(self) -> str:
        """Operation and table: the name of the span."""
        return f"{self.operation} {self.collection}" if self.collection else self.operation


class Statements:
    """Parses each text once and keeps the latest thousand; *system* is the dialect's name."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._by_text: dict[str, Statement] = {}
        self._by_fingerprint: dict[str, Statement] = {}

    def get(self, sql: str) -> Statement:
        """Return the statement of *sql*."""
        known = self._by_text.get(sql)
        return known if known is not None else self._add(sql)

    def _add(self, sql: str) -> Statement:
        # What is cut is cut before it is kept: a thousand long texts would be megabytes.
        key = sql if len(sql) <= _LONGEST else sql[:_LONGEST]
        known = self._by_text.get(key)
        if known is None:
            parsed = parse(key, self._system)
            known = _keep(self._by_fingerprint, parsed.text, self._by_fingerprint.get(parsed.text, parsed))
        return _keep(self._by_text, key, known)


def _keep(kept: dict[str, Statement], key: str, statement: Statement) -> Statement:
    while len(kept) >= _KEPT and key not in kept:
        # Another thread may have taken the oldest first.
        kept.pop(next(iter(list(kept)), ""), None)
    kept[key] = statement
    return statement


def parse(sql: str, system: str) -> Statement:
    """Parse *sql* of the dialect *system*."""
    parts = list(tokens(sql, system))
    while parts and parts[-1] == ";":
        parts.pop()
    words = [part.upper() for part in parts]
    start = _verb(words)
    verb = words[start] if words else ""
    operation = verb if verb in _OPERATIONS else OTHER
    collection = _collection(operation, parts, words, start)
    return Statement(operation, collection[:100], shown(parts)[:_SHOWN].strip())


def _verb(words: Sequence[str]) -> int:
    """Return where the verb is: after opening brackets and ``WITH name AS (...)``."""
    start = next((index for index, word in enumerate(words) if word != "("), 0)
    if start >= len(words) or words[start] != "WITH":
        return start
    depth = 0
    for index in range(start, len(words)):
        depth += {"(": 1, ")": -1}.get(words[index], 0)
        if not depth and words[index] in _AFTER_CTE:
            return index
    return start


def _collection(operation: str, parts: Sequence[str], words: Sequence[str], start: int) -> str:
    if operation == "SELECT":
        return _selected(parts, words, start)
    follows = _OWN_TABLE.get(operation, frozenset())
    for index in range(start, len(words)):
        if words[index] in follows:
            return _table(parts, words, index + 1)
    return ""


def _selected(parts: Sequence[str], words: Sequence[str], start: int) -> str:
    """Return the first table of the outermost FROM; of a sub-select or CTE there, its first table."""
    found = [(index, depth, _table(parts, words, index + 1)) for index, depth in _froms(words)]
    expressions = {words[index - 1] for index in range(1, start) if words[index] == "AS"}
    main = [(index, name) for index, depth, name in found if index > start and depth == _depth(words, start)]
    if not main:
        return ""
    index, name = main[0]
    if name and name.upper() not in expressions:
        return name
    inner = [
        each for at, _, each in found if each and each.upper() not in expressions and (name or at > index)
    ]
    return inner[0] if inner else name


def _depth(words: Sequence[str], index: int) -> int:
    return words[:index].count("(") - words[:index].count(")")


def _froms(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return position and depth of each FROM that begins a list of tables.

    ``EXTRACT(year FROM x)`` and ``IS DISTINCT FROM`` do not.
    """
    found, selects = [], [True]
    for index, word in enumerate(words):
        if word == "(":
            selects.append(False)
        elif word == ")":
            selects = selects[:-1] or [True]
        elif word in {"SELECT", "DELETE"}:
            selects[-1] = True
        elif word == "FROM" and selects[-1] and words[index - 1] != "DISTINCT":
            found.append((index, len(selects) - 1))
    return found


def _table(parts: Sequence[str], words: Sequence[str], index: int) -> str:
    while index < len(words) and words[index] in _FILLERS:
        index += 1
    name: list[str] = []
    while index < len(parts) and (parts[index][0].isalpha() or parts[index][0] == "_"):
        name.append(parts[index])
        if parts[index + 1 : index + 2] != ["."]:
            break
        index += 2
    is_function = words[index + 1 : index + 2] == ["("] and "FROM" in words[:index]
    return "" if is_function and "INTO" not in words[:index] else ".".join(name)

"""Operation, table and showable text of a statement."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obskit.db._statements import Statements, parse

CASES = [
    ("SELECT items.id FROM items WHERE items.id = ?", "sqlite", "SELECT", "items"),
    ("select a.x from shop.items as a join b on a.id = b.id", "postgresql", "SELECT", "shop.items"),
    ("SELECT count(*) FROM (SELECT o.id FROM orders AS o) AS anon_1", "postgresql", "SELECT", "orders"),
    ("SELECT (SELECT max(id) FROM parts) AS m, id FROM items", "sqlite", "SELECT", "items"),
    ("SELECT extract(year FROM made) FROM items", "postgresql", "SELECT", "items"),
    ("SELECT 1 WHERE 1 IS DISTINCT FROM 2", "postgresql", "SELECT", ""),
    ("SELECT * FROM generate_series(1, 3)", "postgresql", "SELECT", ""),
    ("WITH r AS (SELECT * FROM orders) SELECT * FROM r", "sqlite", "SELECT", "orders"),
    ("WITH r AS (SELECT 1) DELETE FROM orders USING r", "postgresql", "DELETE", "orders"),
    ("(SELECT a FROM x) UNION (SELECT a FROM y)", "postgresql", "SELECT", "x"),
    ('SELECT * FROM "Order Lines" WHERE a = 1', "postgresql", "SELECT", "Order Lines"),
    ('INSERT INTO "Orders" (a, b) VALUES (?, ?)', "sqlite", "INSERT", "Orders"),
    ("INSERT OR IGNORE INTO items (a) VALUES (1)", "sqlite", "INSERT", "items"),
    ("REPLACE INTO items (a) VALUES (1)", "mysql", "REPLACE", "items"),
    ("UPDATE ONLY items SET a = 1", "postgresql", "UPDATE", "items"),
    ("UPDATE OR FAIL items SET a = 1", "sqlite", "UPDATE", "items"),
    ("DELETE FROM `items` WHERE a = 1", "mysql", "DELETE", "items"),
    ("CREATE TABLE IF NOT EXISTS items (id INTEGER)", "sqlite", "CREATE", "items"),
    ("CREATE UNIQUE INDEX ix ON items (a)", "postgresql", "CREATE", "items"),
    ("DROP TABLE IF EXISTS items", "postgresql", "DROP", "items"),
    ("TRUNCATE items", "postgresql", "TRUNCATE", "items"),
    ("/* who */ -- why\n SELECT 1", "sqlite", "SELECT", ""),
    ("PRAGMA foreign_keys = ON", "sqlite", "PRAGMA", ""),
    ("SAVEPOINT sa_savepoint_1", "sqlite", "SAVEPOINT", ""),
    ("frobnicate the database", "sqlite", "_OTHER", ""),
    ("", "sqlite", "_OTHER", ""),
]


@pytest.mark.parametrize(("sql", "system", "operation", "collection"), CASES)
def test_operation_and_table(sql, system, operation, collection):
    statement = parse(sql, system)
    assert (statement.operation, statement.collection) == (operation, collection)


@pytest.mark.parametrize(
    ("sql", "system", "text"),
    [
        (
            "SELECT a FROM t WHERE b = 'x''y' AND c = 1.5e-3",
            "sqlite",
            "SELECT a FROM t WHERE b = ? AND c = ?",
        ),
        ("SELECT E'it\\'s' , U&'d', X'ff', 0xFF", "postgresql", "SELECT ?, ?, ?, ?"),
        ("SELECT $$a'b$$, $x$ $$ $x$", "postgresql", "SELECT ?, ?"),
        ("SELECT 'a\\', secret FROM t -- '", "postgresql", "SELECT ?, secret FROM t"),
        ("SELECT 'a\\', hidden' FROM t", "mysql", "SELECT ? FROM t"),
        ('SELECT a FROM t WHERE b = "hidden"', "sqlite", "SELECT a FROM t WHERE b = ?"),
        ('SELECT a FROM t WHERE b = "hidden"', "mysql", "SELECT a FROM t WHERE b = ?"),
        ('SELECT "t"."B" FROM "t"', "sqlite", "SELECT t.B FROM t"),
        ("SELECT a FROM t WHERE b = 'never closed", "postgresql", "SELECT a FROM t WHERE b = ?"),
        ("SELECT a /* x /* y */ z */ FROM t", "postgresql", "SELECT a FROM t"),
        ("SELECT a FROM t # x\nWHERE b", "mysql", "SELECT a FROM t WHERE b"),
        ("SELECT a #> b FROM t", "postgresql", "SELECT a # > b FROM t"),
        ("SELECT $1::INTEGER, %(a)s, :b, ?2, @c", "postgresql", "SELECT ?::INTEGER, ?, ?, ?, ?"),
        (
            "SELECT a FROM t WHERE b IN ($1::INTEGER, $2::INTEGER)",
            "postgresql",
            "SELECT a FROM t WHERE b IN (?)",
        ),
        ("INSERT INTO t (a, b) VALUES (1, NULL), (2, 'x')", "sqlite", "INSERT INTO t(a, b) VALUES (?)"),
        (
            "SELECT a FROM t WHERE b IN (SELECT c FROM d)",
            "sqlite",
            "SELECT a FROM t WHERE b IN (SELECT c FROM d)",
        ),
    ],
)
def test_text_has_no_values(sql, system, text):
    assert parse(sql, system).text == text


@settings(max_examples=300, deadline=None)
@given(
    secret=st.text(string.printable, min_size=1).filter(lambda text: "\0" not in text),
    kind=st.sampled_from(["single", "escape", "dollar", "comment", "line", "hash"]),
    system=st.sampled_from(["sqlite", "postgresql", "mysql"]),
)
def test_whatever_is_in_a_literal_or_comment_is_not_shown(secret, kind, system):
    marked = f"zq{secret}qz"
    quoted = marked.replace("'", "''")
    escaped = marked.replace("\\", "\\\\").replace("'", "\\'")
    flat = (
        marked.replace("\n", "")
        .replace("\r", "")
        .replace("*/", "")
        .replace("/*", "")
        .replace("\v", "")
        .replace("\f", "")
    )
    part = {
        "single": f"'{escaped if system == 'mysql' else quoted}'",
        "escape": f"E'{escaped}'",
        "dollar": f"$tag${marked.replace('$tag$', '')}$tag$",
        "comment": f"/* {flat.rstrip('*/')} */ 1",
        "line": f"-- {flat}\n 1",
        "hash": f"# {flat}\n 1" if system == "mysql" else "1",
    }[kind]
    text = parse(f"SELECT a FROM t WHERE b = {part} AND c = 2", system).text
    assert text == "SELECT a FROM t WHERE b = ? AND c = ?"


@given(sql=st.text(), system=st.sampled_from(["sqlite", "postgresql", "mysql"]))
def test_no_text_breaks_it(sql, system):
    statement = parse(sql, system)
    assert len(statement.text) <= 2000


def test_statements_that_differ_in_values_are_the_same_object():
    statements = Statements("sqlite")
    first = statements.get("SELECT a FROM t WHERE b IN (1, 2)")
    assert statements.get("SELECT  a FROM t WHERE b IN ('x')") is first
    assert statements.get("SELECT a FROM t WHERE c IN (1)") is not first


def test_memory_is_bounded_however_many_and_long_the_texts_are():
    statements = Statements("sqlite")
    rows = ", ".join(["(?, ?)"] * 5000)
    first = statements.get(f"INSERT INTO t (a, b) VALUES {rows}")
    assert (first.operation, first.collection, first.text) == (
        "INSERT",
        "t",
        "INSERT INTO t(a, b) VALUES (?)",
    )
    for number in range(1500):
        statements.get(f"SELECT a{number} FROM t{number}")
    assert len(statements._by_text) <= 1000
    assert len(statements._by_fingerprint) <= 1000
    assert max(map(len, statements._by_text)) <= 4096

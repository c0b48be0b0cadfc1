"""Reads templates of ``line_format`` and ``label_format``: the part of Go's that formats one line.

Fields, pipelines, functions, variables, ``if`` and ``with``. Loops and nested templates are
refused by name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from obskit.embedded.logs._errors import RefusedError
from obskit.embedded.logs.logql import _functions
from obskit.embedded.logs.logql._values import Call, TemplateError, is_true, shown

__all__ = ["Template", "read_template"]

_ACTION = re.compile(
    r"\{\{(?P<trim>-(?=\s))?\s*(?P<body>/\*.*?\*/|(?:\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|[^\"`}]|\}(?!\}))*?)"
    r"\s*(?P<trim_after>(?<=\s)-)?\}\}",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`)|(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<field>\.[^\W\d]\w*)|(?P<dot>\.)|(?P<variable>\$\w*)|(?P<word>[^\W\d]\w*)|(?P<symbol>:=|[=()|]))"
)
MAX_DEPTH = 50

Evaluate = Callable[["Scope"], Any]


@dataclass(slots=True)
class Scope:
    """What a template is executed with: the labels, and the variables so far."""

    labels: dict[str, str]
    call: Call
    dot: Any = None
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read; *fields* are the labels that it looks at."""

    parts: tuple[Evaluate, ...]
    fields: tuple[str, ...]
    only_field: str = ""

    def execute(self, labels: dict[str, str], line: str, ts: int) -> str:
        """Return the text that the template makes of a line.

        Raises:
            TemplateError: a function cannot do what it is asked.
        """
        scope = Scope(labels, Call(line, ts), labels)
        return "".join([part(scope) for part in self.parts])


class _BadTemplateError(ValueError):
    pass


@lru_cache(maxsize=256)
def read_template(text: str, name: str) -> Template:
    """Return the template *text*; *name* is what Go's errors call it.

    Raises:
        ValueError: it is no template; the text is Go's.
        RefusedError: it is more than this store does.
    """
    reader = _Reader(text, name)
    parts, ending = reader.block(0)
    if ending:
        reader.fail(f"unexpected {{{{{ending}}}}}")
    only = reader.simple_field if len(parts) == 1 else ""
    return Template(tuple(parts), tuple(dict.fromkeys(reader.fields)), only)


class _Reader:
    """Cuts the template into texts and actions, and nests the blocks."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._pieces = list(self._cut(text))
        self._at = 0
        self.fields: list[str] = []
        self.simple_field = ""

    def fail(self, problem: str) -> None:
        msg = f"template: {self._name}:1: {problem}"
        raise _BadTemplateError(msg)

    def _cut(self, text: str) -> Iterator[tuple[str, str]]:
        at, trim = 0, False
        while (start := text.find("{{", at)) != -1:
            match = _ACTION.match(text, start)
            if match is None:
                self.fail("unclosed action")
                return
            plain = text[at:start]
            plain = plain.lstrip() if trim else plain
            yield "text", plain.rstrip() if match["trim"] else plain
            yield "action", match["body"].strip()
            at, trim = match.end(), bool(match["trim_after"])
        yield "text", text[at:].lstrip() if trim else text[at:]

    def block(self, depth: int) -> tuple[list[Evaluate], str]:
        """Return what a block does, and the action that ends it."""
        if depth > MAX_DEPTH:
            raise RefusedError("a template with deeply nested blocks")  # noqa: EM101 - names what is refused
        parts: list[Evaluate] = []
        while self._at < len(self._pieces):
            kind, body = self._pieces[self._at]
            self._at += 1
            if kind == "text":
                if body:
                    parts.append(_constantly(body))
                continue
            if body.startswith("/*"):
                continue
            word = body.split(None, 1)[0] if body else ""
            if word in {"end", "else"}:
                return parts, body
            parts.append(self._action(word, body, depth))
        return parts, ""

    def _action(self, word: str, body: str, depth: int) -> Evaluate:
        if not body:
            self.fail("missing value for command")
        if word in {"if", "with"}:
            return self._branch(word, body[len(word) :], depth)
        if word in {"range", "define", "template", "block", "break", "continue"}:
            what = f"the template action {{{{{word}}}}}"
            raise RefusedError(what)
        command = _Command(body, self)
        evaluate, assigned = command.whole()
        if assigned:
            return lambda scope: _nothing(evaluate(scope))
        self.simple_field = body[1:] if re.fullmatch(r"\.[^\W\d]\w*", body) else ""
        return lambda scope: shown(evaluate(scope))

    def _branch(self, word: str, condition: str, depth: int) -> Evaluate:
        test, _ = _Command(condition, self).whole()
        otherwise: list[Evaluate] = []
        then, ending = self.block(depth + 1)
        if ending.startswith("else"):
            rest = ending[4:].strip()
            if rest:
                inner = rest.split(None, 1)[0]
                if inner not in {"if", "with"}:
                    self.fail(f"unexpected <{inner}> in else")
                otherwise = [self._branch(inner, rest[len(inner) :], depth + 1)]
                ending = "end"
            else:
                otherwise, ending = self.block(depth + 1)
        if ending != "end":
            self.fail("unexpected EOF")
        return _branching(test, then, otherwise, sets_dot=word == "with")


def _constantly(value: Any) -> Evaluate:
    return lambda _scope: value


def _nothing(_value: Any) -> str:
    return ""


def _branching(
    test: Evaluate, then: list[Evaluate], otherwise: list[Evaluate], *, sets_dot: bool
) -> Evaluate:
    def evaluate(scope: Scope) -> str:
        value = test(scope)
        if not is_true(value):
            return "".join([part(scope) for part in otherwise])
        before = scope.dot
        scope.dot = value if sets_dot else before
        made = "".join([part(scope) for part in then])
        scope.dot = before
        return made

    return evaluate


class _Command:
    """One pipeline: ``.a | upper | printf "%s"``."""

    def __init__(self, text: str, reader: _Reader) -> None:
        self._reader = reader
        self._tokens = list(self._cut(text))
        self._at = 0

    def _cut(self, text: str) -> Iterator[tuple[str, str]]:
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self._reader.fail(f"unexpected {text[at:].strip()[:20]!r} in operand")
                return
            kind = match.lastgroup or ""
            glued = (
                kind == "field"
                and text[at] == "."
                and at > 0
                and (text[at - 1].isalnum() or text[at - 1] in "_$")
            )
            yield ("chain" if glued else kind), match[kind]
            at = match.end()

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def whole(self) -> tuple[Evaluate, bool]:
        """Return the pipeline, and whether it only sets a variable."""
        name = ""
        if self._peek()[0] == "variable" and self._tokens[self._at + 1 : self._at + 2] in (
            [("symbol", ":=")],
            [("symbol", "=")],
        ):
            name = self._take()[1]
            self._take()
        evaluate = self._pipeline(0)
        if self._at < len(self._tokens):
            self._reader.fail(f"unexpected {self._peek()[1]!r} in command")
        if not name:
            return evaluate, False

        def assign(scope: Scope) -> Any:
            scope.variables[name] = evaluate(scope)
            return scope.variables[name]

        return assign, True

    def _pipeline(self, depth: int) -> Evaluate:
        if depth > MAX_DEPTH:
            raise RefusedError("a template with deeply nested brackets")  # noqa: EM101 - names what is refused
        evaluate = self._call(None, depth)
        while self._peek() == ("symbol", "|"):
            self._take()
            evaluate = self._call(evaluate, depth)
        return evaluate

    def _call(self, piped: Evaluate | None, depth: int) -> Evaluate:
        kind, word = self._peek()
        if kind == "word" and word not in {"true", "false", "nil"}:
            self._take()
            function = self._function(word)
            arguments = self._operands(depth)
            if piped is not None:
                arguments.append(piped)
            return _calling(word, function, arguments)
        operands = self._operands(depth)
        if not operands:
            self._reader.fail("missing value for command")
        if piped is not None or len(operands) > 1:
            self._reader.fail("can't give argument to non-function")
        return operands[0]

    def _function(self, word: str) -> _functions.Function:
        if word in _functions.FUNCTIONS:
            return _functions.FUNCTIONS[word]
        if word in _functions.LOKI_ONLY:
            what = f"the template function {word}"
            raise RefusedError(what)
        self._reader.fail(f'function "{word}" not defined')
        raise AssertionError

    def _operands(self, depth: int) -> list[Evaluate]:
        operands: list[Evaluate] = []
        while (token := self._peek())[0] and token not in {("symbol", "|"), ("symbol", ")")}:
            operands.append(self._operand(depth))
        return operands

    def _operand(self, depth: int) -> Evaluate:
        kind, text = self._take()
        if kind == "field":
            return self._field(text[1:])
        if kind == "dot":
            return lambda scope: scope.dot
        if kind == "variable":
            return self._variable(text)
        if kind in {"string", "number"} or text in {"true", "false", "nil"}:
            return _constantly(_constant(kind, text))
        if kind == "word":
            return _calling(text, self._function(text), [])
        if (kind, text) == ("symbol", "("):
            inner = self._pipeline(depth + 1)
            if self._take() != ("symbol", ")"):
                self._reader.fail("unclosed left paren")
            return inner
        self._reader.fail(f"unexpected {text!r} in operand")
        raise AssertionError

    def _field(self, name: str) -> Evaluate:
        self._reader.fields.append(name)
        if self._peek()[0] != "chain":
            return lambda scope: _field(scope.dot, name)
        after = self._take()[1][1:]  # labels are texts and have no fields
        return lambda scope: _field(_field(scope.dot, name), after)

    def _variable(self, name: str) -> Evaluate:
        if name == "$":
            if self._peek()[0] == "chain":
                label = self._take()[1][1:]
                self._reader.fields.append(label)
                return lambda scope: scope.labels.get(label, "")
            return lambda scope: scope.labels

        def evaluate(scope: Scope) -> Any:
            if name not in scope.variables:
                msg = f'undefined variable "{name}"'
                raise TemplateError(msg)
            return scope.variables[name]

        return evaluate


def _field(dot: Any, name: str) -> Any:
    if not isinstance(dot, dict):
        msg = f"can't evaluate field {name} in type string"
        raise TemplateError(msg)
    return dot.get(name, "")


def _constant(kind: str, text: str) -> Any:
    if kind == "string":
        return _functions.unquoted(text)
    if kind == "number":
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return {"true": True, "false": False, "nil": None}[text]


def _calling(name: str, function: _functions.Function, arguments: list[Evaluate]) -> Evaluate:
    def evaluate(scope: Scope) -> Any:
        values = [argument(scope) for argument in arguments]
        try:
            return function(scope.call, *values)
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            msg = f"error calling {name}: {error}"
            raise TemplateError(msg) from error

    return evaluate

"""The stages that take labels out of a line."""

from functools import lru_cache

from obskit.embedded.logs._errors import ParseError
from obskit.embedded.logs.logql import _ast, _json
from obskit.embedded.logs.logql._conditions import Stage
from obskit.embedded.logs.logql._hints import NO_HINTS, Hints
from obskit.embedded.logs.logql._jsonpath import read_key, read_path
from obskit.embedded.logs.logql._line import DUPLICATE, PRESERVE_ERROR, Line
from obskit.embedded.logs.logql._logfmt import LogfmtError, pairs_of
from obskit.embedded.logs.logql._pattern import read_pattern
from obskit.embedded.logs.logql._regex import compiled

__all__ = ["json_stage", "logfmt_stage", "pattern_stage", "regexp_stage"]

_JSON_ERROR = "JSONParserErr"
_LOGFMT_ERROR = "LogfmtParserErr"
_MOST_NAMES = 2_000


def _fail(line: Line, hints: Hints, error: str, details: str) -> None:
    line.fail(error, details)
    if hints.keeps_errors:
        line.set(PRESERVE_ERROR, "true")


def _take(line: Line, hints: Hints, name: str, value: str) -> None:
    """Set a label that was found, unless it is not wanted or was found before."""
    if not name:
        return
    free = line.free_name(name)
    if hints.wants(free) and not line.was_extracted(free):
        line.set(free, value)


def json_stage(part: _ast.Json, hints: Hints) -> Stage:
    """Return the stage of ``| json``.

    Raises:
        ParseError: one of its expressions is none.
    """
    if part.fields:
        return _json_fields(part, hints)
    return _json_required(hints) if hints.nothing or hints.required else _json_all


def _json_all(line: Line) -> bool:
    try:
        pairs = _json.decoded(line.text)
        if pairs is not None:
            _put(line, pairs, "", 0)
            return True
        for name, value in _json.broken_fields_of(line.text, _json.everything):
            _take(line, NO_HINTS, name, value)
    except _json.JsonError as error:
        line.fail(_JSON_ERROR, str(error))
    return True


@lru_cache(maxsize=256)
def _names(_prefix: str) -> dict[str, str]:
    """Return the labels of an object's fields, as far as they were met."""
    return {}


def _put(line: Line, pairs: _json.Pairs, prefix: str, depth: int) -> None:
    # The loop that most queries spend their time in: it repeats _take() and _json._walk().
    base, meta, parsed, removed = line.base, line.meta, line.parsed, line.removed
    names = _names(prefix)
    for key, value in pairs:
        name = names.get(key)
        if name is None:
            if len(names) > _MOST_NAMES:
                names.clear()
            name = names[key] = _json.joined(prefix, key)
        if type(value) is str:
            text = value if value.isascii() else _json.clean(value)
        elif type(value) is bool:
            text = "true" if value else "false"
        else:
            if type(value) is tuple:
                if depth >= _json.MAX_DEPTH:
                    raise _json.too_deep()
                _put(line, value, name, depth + 1)
            continue
        if name in base or name in meta:
            name += DUPLICATE
        if name and name not in parsed and name not in removed:
            meta.pop(name, None)
            parsed[name] = text


def _json_required(hints: Hints) -> Stage:
    def stage(line: Line) -> bool:
        if hints.needless(line):
            return True
        try:
            for name, value in _json.fields_of(line.text, hints.wants_prefix):
                _take(line, hints, name, value)
                if hints.complete(line):
                    break
        except _json.JsonError as error:
            _fail(line, hints, _JSON_ERROR, str(error))
        return True

    return stage


def _json_fields(part: _ast.Json, hints: Hints) -> Stage:
    paths = [(label, read_path(label, expression)) for label, expression in part.fields]

    def stage(line: Line) -> bool:
        if not line.text or hints.needless(line):
            return True
        if line.text[0] not in '"{[':
            _fail(line, hints, _JSON_ERROR, "")
            return True
        missing = False
        for label, path in paths:
            value = _json.find(line.text, path)
            if value is None:
                missing = True
            else:
                line.set(line.free_name(label), value)
        if missing:
            for label, _ in paths:
                if line.get(label) is None:
                    line.set(label, "")
        return True

    return stage


def logfmt_stage(part: _ast.Logfmt, hints: Hints) -> Stage:
    """Return the stage of ``| logfmt``.

    Raises:
        ParseError: one of its expressions is none.
    """
    strict, keeps_empty = "--strict" in part.flags, "--keep-empty" in part.flags
    if part.fields:
        return _logfmt_fields(part, hints, strict=strict)

    def stage(line: Line) -> bool:
        if hints.needless(line):
            return True
        try:
            for key, value in pairs_of(line.text, strict=strict):
                if value or keeps_empty:
                    _take(line, hints, _json.sanitized(key, first=True), value.replace("\ufffd", " "))
                    if hints.required and hints.complete(line):
                        break
        except LogfmtError as error:
            _fail(line, hints, _LOGFMT_ERROR, str(error))
        return True

    return stage


def _logfmt_fields(part: _ast.Logfmt, hints: Hints, *, strict: bool) -> Stage:
    labels = {label: read_key(label, expression) for label, expression in part.fields}
    by_key = {key: label for label, key in reversed(labels.items())}

    def stage(line: Line) -> bool:
        if hints.needless(line):
            return True
        for label in labels:
            if label not in line.base:
                line.set(label, "")
        try:
            for key, value in pairs_of(line.text, strict=strict):
                name = _json.sanitized(key, first=True)
                label = by_key.get(name, name)
                if label in labels:
                    line.set(line.free_name(label) if label in line.base else label, value)
        except LogfmtError as error:
            _fail(line, hints, _LOGFMT_ERROR, str(error))
        return True

    return stage


def regexp_stage(part: _ast.Regexp, hints: Hints) -> Stage:
    """Return the stage of ``| regexp``.

    Raises:
        ParseError: the expression is none, or names no capture.
    """
    try:
        expression = compiled(part.expression)
    except ParseError as error:
        message = str(error).replace("parse error : ", "invalid regexp parser: ", 1)
        raise ParseError(message) from error
    if not expression.groupindex:
        message = "invalid regexp parser: at least one named capture must be supplied"
        raise ParseError(message)
    search = expression.search

    def stage(line: Line) -> bool:
        match = search(line.text)
        if match is not None:
            for name, value in match.groupdict().items():
                _take(line, hints, name, value or "")
        return True

    return stage


def pattern_stage(part: _ast.Pattern, hints: Hints) -> Stage:
    """Return the stage of ``| pattern``.

    Raises:
        ParseError: the pattern is none.
    """
    pattern = read_pattern(part.expression)

    def stage(line: Line) -> bool:
        if not hints.needless(line):
            for name, value in pattern.match(line.text):
                _take(line, hints, name, value)
        return True

    return stage

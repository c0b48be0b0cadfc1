"""The functions of templates: the text functions, arithmetic and comparisons that Loki has."""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

from obskit.embedded.logs.logql import _units
from obskit.embedded.logs.logql._lexer import unquote
from obskit.embedded.logs.logql._moments import layout
from obskit.embedded.logs.logql._regex import compiled, expand
from obskit.embedded.logs.logql._values import Call, Moment, is_true, shown, to_float, to_int, to_text

__all__ = ["FUNCTIONS", "LOKI_ONLY", "Function", "unquoted"]

Function = Callable[..., Any]
MAX_TEXT = 1 << 20
_BLANK = " \t\n\v\f\r\x85\xa0"
_VERB = re.compile(r"%([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")

LOKI_ONLY = frozenset(
    ("fromJson", "toDate", "toDateInZone", "now", "html", "js", "slice", "call", "urlquery")
)
"""Functions that Loki has and this store refuses."""


def unquoted(text: str) -> str:
    """Return the text of a quoted constant."""
    return text[1:-1] if text.startswith("`") else unquote(text)


def _text(function: Callable[..., Any]) -> Function:
    return lambda _call, *values: function(*[to_text(value) for value in values])


def _plain(function: Callable[..., Any]) -> Function:
    return lambda _call, *values: function(*values)


def _old_replace(text: Any, old: Any, new: Any, count: Any) -> str:
    return _bounded(to_text(text).replace(to_text(old), to_text(new), to_int(count)))


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        msg = f"the text is longer than {MAX_TEXT} characters"
        raise ValueError(msg)
    return text


def _regex_replace(expression: Any, text: Any, replacement: Any) -> str:
    template = to_text(replacement)
    return _substituted(expression, text, lambda match: expand(template, match))


def _regex_literal(expression: Any, text: Any, replacement: Any) -> str:
    plain = to_text(replacement)
    return _substituted(expression, text, lambda _match: plain)


def _substituted(expression: Any, text: Any, replace: Callable[[Any], str]) -> str:
    source, parts, at = to_text(text), list[str](), 0
    for match in _found(to_text(expression), source):
        parts += [source[at : match.start()], replace(match)]
        at = match.end()
    return _bounded("".join([*parts, source[at:]]))


def _found(expression: str, text: str) -> list[Any]:
    return list(compiled(expression).finditer(text))


def _bytes_of(text: str, start: int, end: int | None) -> str:
    return text.encode()[start:end].decode(errors="replace")


def _trunc(count: Any, text: Any) -> str:
    wanted, source = to_int(count), to_text(text)
    size = len(source.encode())
    if wanted < 0 and size + wanted > 0:
        return _bytes_of(source, size + wanted, None)
    return _bytes_of(source, 0, wanted) if 0 <= wanted < size else source


def _substr(start: Any, end: Any, text: Any) -> str:
    first, last, source = to_int(start), to_int(end), to_text(text)
    size = len(source.encode())
    if first < 0:
        return _bytes_of(source, 0, last)
    return _bytes_of(source, first, None if last < 0 or last > size else last)


def _aligned(count: Any, text: Any, *, left: bool) -> str:
    wanted, source = to_int(count), to_text(text)
    if wanted < 0 or wanted == len(source):
        return source
    if wanted > min(len(source), MAX_TEXT):
        return _bounded(source.ljust(wanted) if left else source.rjust(wanted))
    return source[:wanted] if left else source[len(source) - wanted :]


def _indent(count: Any, text: Any) -> str:
    pad = " " * min(to_int(count), MAX_TEXT)
    return _bounded(pad + to_text(text).replace("\n", "\n" + pad))


def _repeat(count: Any, text: Any) -> str:
    times, source = to_int(count), to_text(text)
    if times * max(len(source), 1) > MAX_TEXT:
        msg = f"the text is longer than {MAX_TEXT} characters"
        raise ValueError(msg)
    return source * times


def _title(text: str) -> str:
    return re.sub(r"(?<![\w'])\w", lambda match: match[0].upper(), text)


def _decode64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error as error:
        return f"illegal base64 data: {error}"


def _unescape(text: str) -> str:
    if re.search(r"%(?![0-9a-fA-F]{2})", text):
        msg = f"invalid URL escape {json.dumps(text)}"
        raise ValueError(msg)
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace")


def _divide(left: Any, right: Any) -> int:
    divisor = to_int(right)
    if divisor == 0:
        msg = "runtime error: integer divide by zero"
        raise ArithmeticError(msg)
    return math.trunc(Decimal(to_int(left)) / divisor)


def _modulo(left: Any, right: Any) -> int:
    divisor = to_int(right)
    if divisor == 0:
        msg = "runtime error: integer divide by zero"
        raise ArithmeticError(msg)
    return int(math.fmod(to_int(left), divisor))


def _folded(step: Callable[[Decimal, Decimal], Decimal]) -> Function:
    def calculate(_call: Call, first: Any, *rest: Any) -> float:
        total = Decimal(repr(to_float(first)))
        for each in rest:
            total = step(total, Decimal(repr(to_float(each))))
        return float(total)

    return calculate


def _round(value: Any, places: Any, half: Any = 0.5) -> float:
    number, digits = to_float(value), to_int(places)
    if to_float(half) == 0.5:  # noqa: PLR2004 - sprig's default
        return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
    scaled = number * 10**digits
    up = math.modf(scaled)[0] >= to_float(half)
    return float((math.ceil(scaled) if up else math.floor(scaled)) / 10**digits)


def _printf(form: Any, *values: Any) -> str:
    rest = list(values)

    def written(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        return _pad(_verb(verb, rest.pop(0), flags, precision), flags, min(int(width or 0), MAX_TEXT))

    made = _VERB.sub(written, to_text(form))
    extra = ", ".join(f"{'string' if isinstance(each, str) else 'int'}={shown(each)}" for each in rest)
    return _bounded(made + (f"%!(EXTRA {extra})" if rest else ""))


def _pad(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    return text.zfill(width) if "0" in flags else text.rjust(width)


def _verb(verb: str, value: Any, flags: str, precision: str | None) -> str:
    places = None if precision is None else int(precision)
    if verb in "sv":
        return shown(value)[:places] if verb == "s" else shown(value)
    if verb in "qxX":
        return _text_verb(verb, value)
    if verb == "d" and isinstance(value, int):
        return f"{value:+d}" if "+" in flags else str(value)
    if verb in "feg" and isinstance(value, float):
        return f"{value:.{6 if places is None else min(places, 100)}{verb}}"
    if verb == "t" and isinstance(value, bool):
        return shown(value)
    kind = {str: "string", bool: "bool", int: "int", float: "float64"}.get(type(value), "nil")
    return f"%!{verb}({kind}={shown(value)})"


def _text_verb(verb: str, value: Any) -> str:
    if verb == "q":
        return json.dumps(shown(value), ensure_ascii=False)
    digits = f"{value:x}" if isinstance(value, int) else shown(value).encode().hex()
    return digits.upper() if verb == "X" else digits


def _ordered(compare: Callable[[Any, Any], bool]) -> Function:
    def test(_call: Call, left: Any, right: Any) -> bool:
        if isinstance(left, str) != isinstance(right, str) or isinstance(left, bool | dict):
            msg = "incompatible types for comparison"
            raise TypeError(msg)
        return compare(left, right)

    return test


def _equal(_call: Call, left: Any, *rights: Any) -> bool:
    for right in rights:
        if isinstance(left, str) != isinstance(right, str):
            msg = "incompatible types for comparison"
            raise TypeError(msg)
    return any(left == right for right in rights)


def _and(_call: Call, first: Any, *rest: Any) -> Any:
    for each in rest:
        if not is_true(first):
            return first
        first = each
    return first


def _or(_call: Call, first: Any, *rest: Any) -> Any:
    for each in rest:
        if is_true(first):
            return first
        first = each
    return first


def _index(container: Any, key: Any) -> Any:
    return container.get(key, "") if isinstance(container, dict) else ord(to_text(container)[to_int(key)])


def _moment(value: Any) -> Moment:
    if isinstance(value, Moment):
        return value
    msg = "wrong type for value; expected time.Time; got string"
    raise TypeError(msg)


def _unix_to_time(text: str) -> Moment:
    factors = {5: 86_400_000_000_000, 10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}
    if not text.isdigit() or len(text) not in factors:
        msg = f"unable to parse time '{text}'"
        raise ValueError(msg)
    return Moment(int(text) * factors[len(text)])


def _seconds(text: str) -> float:
    return _units.go_duration(text) / 1e9


FUNCTIONS: dict[str, Function] = {
    "__line__": lambda call: call.line,
    "__timestamp__": lambda call: Moment(call.ts),
    "ToLower": _text(str.lower),
    "ToUpper": _text(str.upper),
    "Replace": _plain(_old_replace),
    "Trim": _text(str.strip),
    "TrimLeft": _text(str.lstrip),
    "TrimRight": _text(str.rstrip),
    "TrimPrefix": _text(str.removeprefix),
    "TrimSuffix": _text(str.removesuffix),
    "TrimSpace": _text(lambda text: text.strip(_BLANK)),
    "regexReplaceAll": _plain(_regex_replace),
    "regexReplaceAllLiteral": _plain(_regex_literal),
    "count": _text(lambda expression, text: len(_found(expression, text))),
    "urldecode": _text(_unescape),
    "urlencode": _text(quote_plus),
    "bytes": _text(lambda text: float(_units.size_in_bytes(text))),
    "duration": _text(_seconds),
    "duration_seconds": _text(_seconds),
    "unixEpoch": _plain(lambda value: str(_moment(value).ts // 1_000_000_000)),
    "unixEpochMillis": _plain(lambda value: str(_moment(value).ts // 1_000_000)),
    "unixEpochNanos": _plain(lambda value: str(_moment(value).ts)),
    "unixToTime": _text(_unix_to_time),
    "date": _plain(lambda pattern, value: layout(_moment(value).ts, to_text(pattern))),
    "alignLeft": _plain(lambda count, text: _aligned(count, text, left=True)),
    "alignRight": _plain(lambda count, text: _aligned(count, text, left=False)),
    "b64enc": _text(lambda text: base64.b64encode(text.encode()).decode()),
    "b64dec": _text(_decode64),
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "title": _text(_title),
    "trunc": _plain(_trunc),
    "substr": _plain(_substr),
    "contains": _text(lambda part, text: part in text),
    "hasPrefix": _text(lambda part, text: text.startswith(part)),
    "hasSuffix": _text(lambda part, text: text.endswith(part)),
    "indent": _plain(_indent),
    "nindent": _plain(lambda count, text: "\n" + _indent(count, text)),
    "replace": _text(lambda old, new, text: _bounded(text.replace(old, new))),
    "repeat": _plain(_repeat),
    "trim": _text(lambda text: text.strip(_BLANK)),
    "trimAll": _text(lambda characters, text: text.strip(characters)),
    "trimSuffix": _text(lambda suffix, text: text.removesuffix(suffix)),
    "trimPrefix": _text(lambda prefix, text: text.removeprefix(prefix)),
    "int": _plain(to_int),
    "float64": _plain(to_float),
    "add": _plain(lambda *values: sum(to_int(value) for value in values)),
    "sub": _plain(lambda left, right: to_int(left) - to_int(right)),
    "mul": _plain(lambda *values: math.prod(to_int(value) for value in values)),
    "div": _plain(_divide),
    "mod": _plain(_modulo),
    "addf": _folded(lambda left, right: left + right),
    "subf": _folded(lambda left, right: left - right),
    "mulf": _folded(lambda left, right: left * right),
    "divf": _folded(lambda left, right: left / right),
    "max": _plain(lambda *values: max(to_int(value) for value in values)),
    "min": _plain(lambda *values: min(to_int(value) for value in values)),
    "maxf": _plain(lambda *values: max(to_float(value) for value in values)),
    "minf": _plain(lambda *values: min(to_float(value) for value in values)),
    "ceil": _plain(lambda value: float(math.ceil(to_float(value)))),
    "floor": _plain(lambda value: float(math.floor(to_float(value)))),
    "round": _plain(_round),
    "default": _plain(lambda fallback, value="": value if is_true(value) else fallback),
    "and": _and,
    "or": _or,
    "not": _plain(lambda value: not is_true(value)),
    "len": _plain(lambda value: len(value.encode()) if isinstance(value, str) else len(value)),
    "index": _plain(_index),
    "print": _plain(lambda *values: _spaced(values)),
    "println": _plain(lambda *values: " ".join(shown(value) for value in values) + "\n"),
    "printf": _plain(_printf),
    "eq": _equal,
    "ne": _plain(lambda left, right: left != right),
    "lt": _ordered(lambda left, right: left < right),
    "le": _ordered(lambda left, right: left <= right),
    "gt": _ordered(lambda left, right: left > right),
    "ge": _ordered(lambda left, right: left >= right),
}


def _spaced(values: tuple[Any, ...]) -> str:
    made = ""
    for before, value in zip((None, *values), values, strict=False):
        both_other = before is not None and not isinstance(before, str) and not isinstance(value, str)
        made += (" " if both_other else "") + shown(value)
    return made

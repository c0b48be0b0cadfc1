"""Makes a pipeline of a query's stages, in the order in which Loki runs them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from obskit.embedded.logs._errors import ParseError
from obskit.embedded.logs.logql import _ast
from obskit.embedded.logs.logql._conditions import Stage, condition, matcher_test, names_in
from obskit.embedded.logs.logql._hints import NO_HINTS, Hints
from obskit.embedded.logs.logql._line import ERROR, ERROR_DETAILS, PRESERVE_ERROR, Line
from obskit.embedded.logs.logql._parsers import json_stage, logfmt_stage, pattern_stage, regexp_stage
from obskit.embedded.logs.logql._regex import compiled, searcher
from obskit.embedded.logs.logql._simplify import EVERYTHING, simplified
from obskit.embedded.logs.logql._template import Template, read_template
from obskit.embedded.logs.logql._values import TemplateError

__all__ = ["line_test", "ordered", "pipeline", "required_labels"]

_ANSI = (
    "[\u001b\u009b][[\\]()#;?]*(?:(?:(?:[a-zA-Z\\d]*(?:;[a-zA-Z\\d]*)*)?\u0007)"
    "|(?:(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PRZcf-ntqry=><~]))"
)
_SPECIAL = {ERROR, ERROR_DETAILS, PRESERVE_ERROR}


def ordered(stages: Iterable[_ast.Stage]) -> list[_ast.Stage]:
    """Return *stages* as they are run: line filters before what does not change the line."""
    result: list[_ast.Stage] = []
    filters: list[_ast.Stage] = []
    others: list[_ast.Stage] = []
    for stage in stages:
        (filters if isinstance(stage, _ast.LineFilter) else others).append(stage)
        if isinstance(stage, _ast.LineFormat | _ast.Where):
            result += [*filters, *others]
            filters, others = [], []
    return [*result, *filters, *others]


def pipeline(stages: Sequence[_ast.Stage], hints: Hints = NO_HINTS) -> list[Stage]:
    """Return the stages as functions; a line passes when none of them answers False.

    Raises:
        ParseError: an expression or a template in them is none.
        RefusedError: a template does what this store does not.
    """
    made = (_stage(stage, hints) for stage in stages)
    return [stage for stage in made if stage is not None]


def required_labels(stages: Iterable[_ast.Stage]) -> list[str]:
    """Return the labels that *stages* look at."""
    names: list[str] = []
    for stage in stages:
        if isinstance(stage, _ast.Where):
            names += names_in(stage.filter)
        elif isinstance(stage, _ast.LineFormat):
            names += _line_template(stage).fields
        elif isinstance(stage, _ast.LabelFormat):
            for name, what, is_template in stage.items:
                names += _label_template(name, what).fields if is_template else (what,)
    return names


def _stage(part: _ast.Stage, hints: Hints) -> Stage | None:
    return _STAGES[type(part)](part, hints)


def line_test(part: _ast.LineFilter) -> Callable[[str], bool] | None:
    """Return the test of a line filter, or None where it passes every line.

    Raises:
        ParseError: a regular expression in it is none.
    """
    tests = [_line_test(part.op, value) for value in part.values]
    if part.op in {"!=", "!~"}:
        refused = [test for test in tests if test is not None]
        if len(refused) < len(tests):
            return lambda _text: False
        return lambda text: not any(test(text) for test in refused)
    kept = [test for test in tests if test is not None]
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else lambda text: any(test(text) for test in kept)


def _line_filter(part: _ast.LineFilter) -> Stage | None:
    test = line_test(part)
    return None if test is None else lambda line: test(line.text)


def _line_test(op: str, value: str) -> Callable[[str], bool] | None:
    if op in {"|=", "!="}:
        return (lambda text: value in text) if value else None
    try:
        compiled(value, captures=False)
    except ParseError as error:
        message = f"stage '{op} \"{value}\"' : {str(error).removeprefix('parse error : ')}"
        raise ParseError(message) from error
    test = simplified(value, is_label=False)
    if test is None:
        return searcher(value)
    return None if test is EVERYTHING else test


def _line_template(part: _ast.LineFormat) -> Template:
    try:
        return read_template(part.template, "line")
    except ValueError as error:
        message = f"stage '| line_format \"{part.template}\"' : invalid line template: {error}"
        raise ParseError(message) from error


def _label_template(name: str, text: str) -> Template:
    try:
        return read_template(text, "label")
    except ValueError as error:
        message = f"stage '| label_format {name}=\"{text}\"' : invalid template for label '{name}': {error}"
        raise ParseError(message) from error


def _line_format(template: Template) -> Stage:
    only = template.only_field

    def stage(line: Line) -> bool:
        if only:
            line.text = line.get(only) or ""
            return True
        try:
            line.text = template.execute(line.for_template(), line.text, line.ts)
        except TemplateError as error:
            line.fail("TemplateFormatErr", f'template: line:1: executing "line": {error}')
        return True

    return stage


def _label_format(part: _ast.LabelFormat) -> Stage:
    names = [name for name, _, _ in part.items]
    if ERROR in names:
        _no_format(part, f"{ERROR} cannot be formatted")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        _no_format(part, f"multiple label name '{twice}' not allowed in a single format operation")
    items = [
        (name, what, _label_template(name, what) if is_template else None)
        for name, what, is_template in part.items
    ]

    def stage(line: Line) -> bool:
        seen: dict[str, str] = {}
        for name, source, template in items:
            if template is None:
                value = line.get(source)
                if value is not None:
                    line.set(name, value)
                    line.delete(source)
                continue
            seen = seen or line.for_template()
            try:
                line.set(name, template.execute(seen, line.text, line.ts))
            except TemplateError as error:
                line.fail("TemplateFormatErr", f'template: label:1: executing "label": {error}')
        return True

    return stage


def _no_format(part: _ast.LabelFormat, problem: str) -> None:
    shown = ",".join(f'{name}="{what}"' if text else f"{name}={what}" for name, what, text in part.items)
    message = f"stage '| label_format {shown}' : {problem}"
    raise ParseError(message)


def _decolorize(line: Line) -> bool:
    if "\x1b" in line.text or "\x9b" in line.text:
        line.text = compiled(_ANSI).sub("", line.text)
    return True


def _drop(part: _ast.Drop) -> Stage:
    steps = [_dropping(item) for item in part.items]

    def stage(line: Line) -> bool:
        for step in steps:
            step(line)
        return True

    return stage


def _dropping(item: _ast.Named) -> Callable[[Line], None]:
    name = item.name if isinstance(item, _ast.Matcher) else item
    test = matcher_test(item) if isinstance(item, _ast.Matcher) else None

    def step(line: Line) -> None:
        if name == ERROR:
            line.error = line.error if test and not test(line.error) else ""
        elif name == ERROR_DETAILS:
            line.details = line.details if test and not test(line.details) else ""
        elif test is None:
            if line.get(name) is not None:
                line.delete(name)
        elif test(line.get(name) or ""):
            line.delete(name)

    return step


def _keep(part: _ast.Keep) -> Stage:
    names = {item for item in part.items if isinstance(item, str)}
    tests = [(item.name, matcher_test(item)) for item in part.items if isinstance(item, _ast.Matcher)]

    def stage(line: Line) -> bool:
        for name, value in line.all().items():
            kept = name in names or name in _SPECIAL
            if not kept and not any(name == wanted and test(value) for wanted, test in tests):
                line.delete(name)
        return True

    return stage


_STAGES: dict[type, Callable[[Any, Hints], Stage | None]] = {
    _ast.LineFilter: lambda part, _hints: _line_filter(part),
    _ast.Json: json_stage,
    _ast.Logfmt: logfmt_stage,
    _ast.Regexp: regexp_stage,
    _ast.Pattern: pattern_stage,
    _ast.Where: lambda part, _hints: condition(part.filter),
    _ast.LineFormat: lambda part, _hints: _line_format(_line_template(part)),
    _ast.LabelFormat: lambda part, _hints: _label_format(part),
    _ast.Decolorize: lambda _part, _hints: _decolorize,
    _ast.Drop: lambda part, _hints: _drop(part),
    _ast.Keep: lambda part, _hints: _keep(part),
}

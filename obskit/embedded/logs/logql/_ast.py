"""A parsed query: plain values, made by the parser and read by the evaluator."""

from dataclasses import dataclass, field

__all__ = [
    "Binary",
    "Combined",
    "Compared",
    "Decolorize",
    "Drop",
    "Expression",
    "Filter",
    "Grouping",
    "Json",
    "Keep",
    "LabelFormat",
    "LabelReplace",
    "LineFilter",
    "LineFormat",
    "Literal",
    "LogRange",
    "Logfmt",
    "Logs",
    "Matcher",
    "Matching",
    "Named",
    "Pattern",
    "RangeAggregation",
    "Regexp",
    "Sample",
    "Stage",
    "Unwrap",
    "Vector",
    "VectorAggregation",
    "Where",
]


@dataclass(frozen=True, slots=True)
class Matcher:
    """``name = "value"``; *op* is one of ``= != =~ !~``."""

    name: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Keeps the lines that hold one of *values*; *op* is one of ``|= != |~ !~``."""

    op: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Json:
    """``| json``, or with *fields* (label, expression) only those."""

    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Logfmt:
    """``| logfmt``, or with *fields* (label, expression) only those."""

    fields: tuple[tuple[str, str], ...] = ()
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Regexp:
    """``| regexp "..."``."""

    expression: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """``| pattern "..."``."""

    expression: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A label compared with a *kind* of value: ``number``, ``duration`` (ns) or ``bytes``."""

    name: str
    op: str
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Combined:
    """Two filters that must both pass (``and``), or one of them (``or``)."""

    op: str
    left: "Filter"
    right: "Filter"
    depth: int = field(default=1, compare=False)


Filter = Matcher | Compared | Combined


@dataclass(frozen=True, slots=True)
class Where:
    """``| label filter``."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class LineFormat:
    """``| line_format "template"``."""

    template: str


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """``| label_format``: (label, what, is a template) each; otherwise *what* is a label to rename."""

    items: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class Decolorize:
    """``| decolorize``."""


Named = str | Matcher


@dataclass(frozen=True, slots=True)
class Drop:
    """``| drop a, b="c"``."""

    items: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """``| keep a, b="c"``."""

    items: tuple[Named, ...]


Stage = (
    LineFilter
    | Json
    | Logfmt
    | Regexp
    | Pattern
    | Where
    | LineFormat
    | LabelFormat
    | Decolorize
    | Drop
    | Keep
)


@dataclass(frozen=True, slots=True)
class Logs:
    """A log query: a selector and the stages after it."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwrap:
    """``| unwrap label``; *conversion* is ``float``, ``duration`` or ``bytes``."""

    label: str
    conversion: str = "float"
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class LogRange:
    """A log query over a window: *interval* and *offset* in nanoseconds."""

    logs: Logs
    interval: int
    offset: int = 0
    unwrap: Unwrap | None = None


@dataclass(frozen=True, slots=True)
class Grouping:
    """``by (names)``, or ``without (names)``."""

    names: tuple[str, ...]
    without: bool


@dataclass(frozen=True, slots=True)
class RangeAggregation:
    """Such as ``rate(...)``; *parameter* is the quantile."""

    op: str
    range: LogRange
    parameter: float | None = None
    grouping: Grouping | None = None
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class VectorAggregation:
    """Such as ``sum by (level) (...)``; *parameter* is the k of topk."""

    op: str
    inner: "Sample"
    parameter: int = 0
    grouping: Grouping = Grouping((), without=False)
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Matching:
    """How the sides of a binary operation find each other; *group* is ``left``, ``right`` or empty."""

    returns_bool: bool = False
    on: bool = False
    names: tuple[str, ...] = ()
    group: str = ""
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """``left op right``, where at most one side is a :class:`Literal`."""

    op: str
    left: "Sample"
    right: "Sample"
    matching: Matching
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number."""

    value: float
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Vector:
    """``vector(number)``."""

    value: float
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class LabelReplace:
    """``label_replace(inner, target, replacement, source, expression)``."""

    inner: "Sample"
    target: str
    replacement: str
    source: str
    expression: str
    depth: int = field(default=1, compare=False)


Sample = RangeAggregation | VectorAggregation | Binary | Literal | Vector | LabelReplace
Expression = Logs | Sample

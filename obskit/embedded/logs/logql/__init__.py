"""LogQL: reads queries and answers them from any store that gives streams and lines."""

from obskit.embedded.logs.logql._ast import Expression, Literal, Logs, Matcher, Sample
from obskit.embedded.logs.logql._ast import Vector as VectorLiteral
from obskit.embedded.logs.logql._conditions import matcher_test
from obskit.embedded.logs.logql._evaluate import MetricQuery, instant, steps
from obskit.embedded.logs.logql._lexer import unquote
from obskit.embedded.logs.logql._line import Labels, Line
from obskit.embedded.logs.logql._parser import parse, parse_logs, parse_matchers
from obskit.embedded.logs.logql._pushdown import pushed_down
from obskit.embedded.logs.logql._select import (
    Found,
    LogQuery,
    check_matchers,
    metadata_of,
    select,
)
from obskit.embedded.logs.logql._source import Deadline, Row, Source, Stream, Wanted
from obskit.embedded.logs.logql._stages import pipeline
from obskit.embedded.logs.logql._units import duration_text, go_duration, prometheus_duration, value_text

__all__ = [
    "Deadline",
    "Expression",
    "Found",
    "Labels",
    "Line",
    "Literal",
    "LogQuery",
    "Logs",
    "Matcher",
    "MetricQuery",
    "Row",
    "Sample",
    "Source",
    "Stream",
    "VectorLiteral",
    "Wanted",
    "check_matchers",
    "duration_text",
    "go_duration",
    "instant",
    "matcher_test",
    "metadata_of",
    "parse",
    "parse_logs",
    "parse_matchers",
    "pipeline",
    "prometheus_duration",
    "pushed_down",
    "select",
    "steps",
    "unquote",
    "value_text",
]

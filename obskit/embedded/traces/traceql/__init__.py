"""TraceQL: reads a query, and finds the spans of one trace that it matches.

It answers as Tempo does, down to what Tempo's two layers do to each other: a first pass
fetches the attributes that a condition of the query could match, and the query is then
evaluated on what was fetched. Whoever asks decides which traces are worth looking at.
"""

from obskit.embedded.traces.traceql._ast import Attribute, Filter, Intrinsic, Pipeline, Scope
from obskit.embedded.traces.traceql._candidates import Clause, candidates
from obskit.embedded.traces.traceql._conditions import Condition
from obskit.embedded.traces.traceql._durations import parse_go_duration
from obskit.embedded.traces.traceql._errors import QueryError
from obskit.embedded.traces.traceql._evaluate import Match, Query
from obskit.embedded.traces.traceql._fetch import DEDICATED_SPAN, WELL_KNOWN_RESOURCE, Fetch, Visible
from obskit.embedded.traces.traceql._parse import parse, parse_attribute
from obskit.embedded.traces.traceql._spans import Owner as SpanOwner
from obskit.embedded.traces.traceql._spans import Span, Trace
from obskit.embedded.traces.traceql._statics import Static, Type, any_value, static_of
from obskit.embedded.traces.traceql._strings import matcher

__all__ = [
    "DEDICATED_SPAN",
    "WELL_KNOWN_RESOURCE",
    "Attribute",
    "Clause",
    "Condition",
    "Fetch",
    "Filter",
    "Intrinsic",
    "Match",
    "Pipeline",
    "Query",
    "QueryError",
    "Scope",
    "Span",
    "SpanOwner",
    "Static",
    "Trace",
    "Type",
    "Visible",
    "any_value",
    "candidates",
    "matcher",
    "parse",
    "parse_attribute",
    "parse_go_duration",
    "static_of",
]

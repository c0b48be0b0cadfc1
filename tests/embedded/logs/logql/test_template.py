import re

import pytest

from obskit.embedded.logs._errors import RefusedError
from obskit.embedded.logs.logql._template import read_template
from obskit.embedded.logs.logql._values import TemplateError

LABELS = {"a": "Hello", "n": "12", "empty": "", "f": "2.50"}


def made(text):
    return read_template(text, "line").execute(LABELS, "the line", 1795305600_123456789)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.a}}", "Hello"),
        ("<{{ .missing }}>", "<>"),
        ('{{ .a | upper | printf "%-7s|" }}', "HELLO  |"),
        ('{{if .empty}}y{{else if eq .n "12"}}z{{else}}w{{end}}', "z"),
        ("{{with .a}}{{.}}{{end}}", "Hello"),
        ("{{$x := .n}}{{$x}}-{{$.a}}", "12-Hello"),
        ("a {{- .n -}} b", "a12b"),
        ("{{/* nothing */}}x", "x"),
        ("{{ add .n 3 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 4 }}", "15 3 6 3 3"),
        ("{{ addf .f 1.5 }} {{ divf .n 5 }} {{ mulf 2 1.25 }}", "4 2.4 2.5"),
        ("{{ round 2.345 2 }} {{ ceil 1.2 }} {{ floor 1.8 }}", "2.35 2 1"),
        ('{{ .a | replace "l" "L" | trunc 4 }}', "HeLL"),
        ('{{ Replace .a "l" "x" 1 }}', "Hexlo"),
        ('{{ regexReplaceAll "(l+)" .a "<$1>" }}', "He<ll>o"),
        ('{{ regexReplaceAllLiteral "l" .a "$1" }}', "He$1$1o"),
        ('{{ default "none" .empty }} {{ default "none" .a }}', "none Hello"),
        ("{{ __line__ | ToUpper }}", "THE LINE"),
        (
            '{{ __timestamp__ | date "2006-01-02T15:04:05.000000000Z07:00" }}',
            "2026-11-22T00:00:00.123456789Z",
        ),
        ("{{ __timestamp__ | unixEpoch }}", "1795305600"),
        ('{{ .a | count "l" }} {{ hasPrefix "He" .a }} {{ contains "x" .a }}', "2 true false"),
        ('{{ .a | b64enc }} {{ "SGVsbG8=" | b64dec }}', "SGVsbG8= Hello"),
        ("{{ .a | substr 1 3 }} {{ alignRight 7 .a }}|{{ alignLeft 3 .a }}", "el   Hello|Hel"),
        ('{{ "a b/c" | urlencode }} {{ "a+b%2Fc" | urldecode }}', "a+b%2Fc a b/c"),
        ('{{ "1m30s" | duration }} {{ "2KB" | bytes }}', "90 2000"),
        ('{{ repeat 3 "ab" }} {{ title "foo bar" }} {{ trim "  x " }}', "ababab Foo Bar x"),
        ('{{ indent 2 "a" }} {{ trimAll "$" "$5$" }} {{ trimPrefix "a" "ab" }}', "  a 5 b"),
        ('{{ printf "%05d %.2f %q %v %x" 42 1.5 .a .n 255 }}', '00042 1.50 "Hello" 12 ff'),
        ("{{ and .a .n }} {{ or .empty .n }} {{ not .empty }} {{ len .a }}", "12 12 true 5"),
        ("{{ int .n }} {{ float64 .f }} {{ max 1 5 3 }} {{ minf 1.5 0.5 }}", "12 2.5 5 0.5"),
        ('{{ "}}" }}', "}}"),
        ("{{ .f | float64 | mulf 2 | int }}", "5"),
    ],
)
def test_formats_as_go_does(template, text):
    assert made(template) == text


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{.a", "unclosed action"),
        ("{{nosuch .a}}", 'function "nosuch" not defined'),
        ("{{if .a}}", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{ .a .n }}", "can't give argument to non-function"),
        ("{{ (.a }}", "unclosed left paren"),
        ("{{}}", "missing value for command"),
    ],
)
def test_says_what_is_wrong_with_a_template(template, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        read_template(template, "line")


@pytest.mark.parametrize("template", ["{{range .a}}{{end}}", "{{ .a | fromJson }}", '{{define "x"}}{{end}}'])
def test_refuses_what_only_loki_does(template):
    with pytest.raises(RefusedError, match="Loki does"):
        read_template(template, "line")


@pytest.mark.parametrize(
    "template",
    ["{{ div 1 0 }}", '{{ "x" | duration }}', '{{ repeat 999999999 "x" }}', "{{ lt .a 3 }}", "{{ .a.b }}"],
)
def test_a_function_that_fails_fails_the_line_only(template):
    with pytest.raises(TemplateError):
        made(template)


def test_knows_the_fields_that_a_template_looks_at():
    assert read_template("{{.a}}{{if .b}}{{.c | upper}}{{end}}", "line").fields == ("a", "b", "c")

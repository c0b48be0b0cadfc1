import pytest

from obskit.embedded.logs.logql import _json


def fields(line):
    found = {}
    try:
        found.update(_json.fields_of(line, _json.everything))
    except _json.JsonError as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"a":1.50,"b":"x","c":true,"d":null,"e":[1]}', {"a": "1.50", "b": "x", "c": "true"}),
        ('{"a":{"b c":{"d":1}}}', {"a_b_c_d": "1"}),
        ('{"1x":1,"a.b":2,"é":3}', {"_1x": "1", "a_b": "2", "_": "3"}),
        ('{"a":"\\u00e9\\n\\"q\\""}', {"a": 'é\n"q"'}),
        ('{"a":"\\ud800"}', {"a": ""}),
        ('{"a":1} and more', {"a": "1"}),
        ("  {  }  ", {}),
    ],
)
def test_reads_fields_as_labels(line, expected):
    assert fields(line) == (expected, "")


@pytest.mark.parametrize(
    ("line", "expected", "problem"),
    [
        ('{"broken": 1', {"broken": "1"}, "Value is array, but can't find closing ']' symbol"),
        ("plain", {}, "Value looks like object, but can't find closing '}' symbol"),
        ("", {}, "Value looks like object, but can't find closing '}' symbol"),
        ("[1]", {}, "Value looks like object, but can't find closing '}' symbol"),
        ('{"a":1,}', {"a": "1"}, "Value looks like object, but can't find closing '}' symbol"),
        ('{"a":"x', {}, "Value is string, but can't find closing '\"' symbol"),
        ('{"a":1,"b":tru}', {"a": "1"}, "Unknown value type"),
        ('{"a":{"b":1}', {"a_b": "1"}, "Value is array, but can't find closing ']' symbol"),
        ('{"a" 1}', {}, "Malformed JSON error"),
        ('{"a":{"b":1', {}, "Value looks like object, but can't find closing '}' symbol"),
    ],
)
def test_keeps_the_fields_before_a_broken_place(line, expected, problem):
    assert fields(line) == (expected, problem)


def test_bears_deep_nesting():
    deep = '{"a":' * 50_000 + "1" + "}" * 50_000
    assert fields(deep)[1]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("tags", 0), "a"),
        (("tags", 9), None),
        (("nested", "deep"), '{"x": 6}'),
        (("nested", "deep", "x"), "6"),
        (("none",), ""),
        (("ok",), "true"),
        (("text",), 'say "hi"'),
        (("tags",), '["a","b"]'),
        (("nosuch",), None),
        (("ok", "x"), None),
    ],
)
def test_finds_a_path(path, value):
    line = '{"tags":["a","b"],"nested":{"deep":{"x": 6}},"none":null,"ok":true,"text":"say \\"hi\\""}'
    assert _json.find(line, path) == value

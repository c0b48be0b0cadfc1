"""What Loki answers where the recorded cases do not look, by its documentation and source."""

import pytest

SECOND = 1_000_000_000
START = 1795305600 * SECOND


@pytest.fixture(scope="module")
def filled(shared_store):
    """Orders' lines each second: a JSON line with metadata, a broken one, a logfmt one."""
    good = [
        [
            str(START + (place + 1) * SECOND),
            f'{{"level":"info","status":{200 + place % 3},"took":{place}.5,"trace_id":"line{place}","size":"{place}KB"}}',
            {"trace_id": f"meta{place}"},
        ]
        for place in range(6)
    ]
    assert shared_store.push(good, {"service": "orders", "level": "info"}).status_code == 204
    assert (
        shared_store.push(
            [[str(START + 10 * SECOND), '{"status":500,"took"']], {"service": "broken"}
        ).status_code
        == 204
    )
    logfmt = [
        [str(START + 20 * SECOND + place), f'took={place}ms user="joann {place}" n={place}']
        for place in range(3)
    ]
    assert shared_store.push(logfmt, {"service": "logfmt"}).status_code == 204
    return shared_store


def labels_of(store, query):
    return [labels for labels, _ in store.lines(query)]


def test_a_parsed_label_gives_way_to_stream_labels_and_metadata(filled):
    labels = labels_of(filled, '{service="orders"} | json | took=0.5')[0]
    assert labels["level"] == "info"
    assert labels["level_extracted"] == "info"
    assert labels["trace_id"] == "meta0"
    assert labels["trace_id_extracted"] == "line0"


def test_the_first_parser_wins(filled):
    labels = labels_of(filled, '{service="logfmt"} | logfmt | regexp "n=(?P<user>.*)"')[0]
    assert labels["user"] == "joann 0"


def test_a_label_filter_with_a_star_is_not_anchored(filled):
    assert len(filled.lines('{service="logfmt"} | logfmt | user=~"ann.*"')) == 3
    assert filled.lines('{service="logfmt"} | logfmt | user=~"ann 0|ann 1"') == []


def test_a_selector_is_anchored(filled):
    assert filled.lines('{service=~"rder.*"}') == []


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ('{service="orders"} | json | took > 2', 4),
        ('{service="orders"} | json | took >= 2.5 and status != 200', 3),
        ('{service="orders"} | json | took < 1 or took > 5', 2),
        ('{service="orders"} | json | (took < 1 or took > 4) , status=200', 1),
        ('{service="orders"} | json | size > 2.5KB', 3),
        ('{service="logfmt"} | logfmt | took >= 1ms', 2),
        ('{service="logfmt"} | logfmt | nosuch > 1', 0),
        ('{service="orders"} | nosuch=""', 6),
        ('{service="orders"} | nosuch!=""', 0),
        ('{service="orders"} |~ "STATUS" or "took\\":5"', 1),
        ('{service="orders"} !~ "took\\":5" or "took\\":4"', 4),
        ('{service="orders"} |= ``', 6),
        ('{service="orders"} != ""', 0),
        ('{service=~"orders|broken", level!="info"}', 1),
        ('{service="orders"} | trace_id=`meta3`', 1),
        ('{service="orders"} | json | trace_id_extracted=`line3`', 1),
    ],
)
def test_filters(filled, query, count):
    assert len(filled.lines(query)) == count


def test_a_number_that_cannot_be_read_keeps_the_line_and_says_so(filled):
    labels = labels_of(filled, '{service="logfmt"} | logfmt | user > 5')[0]
    assert labels["__error__"] == "LabelFilterErr"
    assert labels["__error_details__"] == 'strconv.ParseFloat: parsing "joann 0": invalid syntax'


def test_a_json_expression_that_finds_nothing_gives_an_empty_label(filled):
    labels = labels_of(filled, '{service="orders"} | json nothing="a.b[0]", took="took"')[0]
    assert labels["nothing"] == ""
    assert labels["took"] == "0.5"


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ("label_format status=level", {"status": "info"}),
        ('label_format a="{{.service}}-{{.level | upper}}"', {"a": "orders-INFO"}),
        ("drop trace_id, level", {"service": "orders"}),
        ('drop level="error"', {"level": "info"}),
        ("keep level", {"level": "info"}),
        ('keep level="info"', {"level": "info"}),
        ('keep level="error"', {}),
        ("json | drop __error__", {"service": "orders"}),
    ],
)
def test_label_stages(filled, stages, expected):
    labels = labels_of(filled, f'{{service="orders"}} | {stages}')[0]
    assert expected.items() <= labels.items()
    if stages.startswith("keep"):
        assert labels == expected


def test_a_line_is_made_anew(filled):
    lines = [
        text
        for _, text in filled.lines(
            '{service="logfmt"} | logfmt | line_format "{{.n}}: {{__line__ | trunc 8}}"'
        )
    ]
    assert lines == ["0: took=0ms", "1: took=1ms", "2: took=2ms"]


def test_a_template_that_fails_keeps_the_line(filled):
    labels, text = filled.lines('{service="logfmt"} | logfmt | line_format `{{ .user | duration }}`')[0]
    assert labels["__error__"] == "TemplateFormatErr"
    assert text.startswith("took=")


def test_colours_are_taken_off(store):
    store.push(["\x1b[31mred\x1b[0m and plain"])
    assert store.lines('{app="a"} | decolorize') == [({"app": "a"}, "red and plain")]


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ('sum(count_over_time({service="orders"}[10m]))', ["6"]),
        ('sum(sum_over_time({service="orders"} | json | unwrap took [10m]))', ["18"]),
        ('max_over_time({service="orders"} | json | unwrap took [10m]) by (service)', ["5.5"]),
        ('min_over_time({service="orders"} | json | unwrap took [10m]) by (service)', ["0.5"]),
        ('first_over_time({service="orders"} | json | unwrap took [10m]) by (service)', ["0.5"]),
        ('last_over_time({service="orders"} | json | unwrap took [10m]) by (service)', ["5.5"]),
        ('avg_over_time({service="orders"} | json | unwrap took [10m]) by (service)', ["3"]),
        (
            'stdvar_over_time({service="orders"} | json | unwrap took [10m]) by (service)',
            ["2.9166666666666665"],
        ),
        ('quantile_over_time(0.5, {service="orders"} | json | unwrap took [10m]) by (service)', ["3"]),
        ('quantile_over_time(2, {service="orders"} | json | unwrap took [10m]) by (service)', ["+Inf"]),
        ('max_over_time({service="orders"} | json | unwrap bytes(size) [10m]) by (service)', ["5000"]),
        ('max_over_time({service="logfmt"} | logfmt | unwrap duration(took) [10m]) by (service)', ["0.002"]),
        ('sum(rate({service="orders"} | json | unwrap took [10m]))', ["0.03"]),
        ('sum(bytes_over_time({service="logfmt"}[10m]))', ["81"]),
        ('sum(count_over_time({service="orders"}[10m] offset 1h))', []),
        ('absent_over_time({service="nosuch", x=~"y"}[10m])', ["1"]),
        ('absent_over_time({service="orders"}[10m])', []),
        ('count(count_over_time({service="orders"}[10m])) by (level)', ["6"]),
        ('stddev(sum by (service) (count_over_time({service=~".+"}[10m])))', ["2.0548046676563256"]),
        ('topk(1, sum by (service) (count_over_time({service=~".+"}[10m])))', ["6"]),
        ('bottomk(1, sum by (service) (count_over_time({service=~".+"}[10m])))', ["1"]),
        ('sort(sum by (service) (count_over_time({service=~".+"}[10m])))', ["1", "3", "6"]),
        ('sum(count_over_time({service="orders"}[10m])) > bool 100', ["0"]),
        ('100 < sum(count_over_time({service="orders"}[10m]))', []),
        ('sum(count_over_time({service="orders"}[10m])) / 0', ["NaN"]),
        ('2 ^ sum(count_over_time({service="orders"}[10m])) % 10', ["4"]),
    ],
)
def test_metrics(filled, query, values):
    assert [value for _, value in filled.value(query)] == values


def test_sides_match_by_their_labels(filled):
    counts = 'sum by (service) (count_over_time({service=~".+"}[10m]))'
    one = 'sum by (service) (count_over_time({service="orders"}[10m]))'
    total = 'sum(count_over_time({service=~".+"}[10m]))'
    assert filled.value(f"{counts} and {one}") == [({"service": "orders"}, "6")]
    assert len(filled.value(f"{counts} unless {one}")) == 2
    assert len(filled.value(f"{one} or {counts}")) == 3
    assert filled.value(f"{one} / on() group_left {total}") == [({"service": "orders"}, "0.6")]
    assert filled.value(f"{one} / on(service) {counts}") == [({"service": "orders"}, "1")]
    assert filled.value(f"{total} * on() group_right {one}") == [({"service": "orders"}, "60")]
    assert filled.value(f"{one} / ignoring(service) {total}") == [({}, "0.6")]


def test_sides_that_match_more_than_once_are_refused(filled):
    counts = 'sum by (service) (count_over_time({service=~".+"}[10m]))'
    answer = filled.ask(f"{counts} / on() {counts}", "query", time=START + 600 * SECOND)
    assert answer.status_code == 400
    assert "many-to-many matching not allowed" in answer.text


def test_labels_are_replaced(filled):
    query = 'label_replace(sum by (service) (count_over_time({service="orders"}[10m])), "first", "$1-x", "service", "(.).*")'
    assert filled.value(query) == [({"first": "o-x", "service": "orders"}, "6")]


@pytest.mark.parametrize(
    ("query", "is_answered"),
    [
        (
            'sum(count_over_time({service="broken"} | json [10m]))',
            True,
        ),  # no label is needed: nothing is parsed
        ('sum by (service) (count_over_time({service="broken"} | json [10m]))', False),
        ('count_over_time({service="broken"} | json [10m])', False),
        ('count_over_time({service="broken"} | json | __error__="" [10m])', True),
        ('count_over_time({service="broken"} | json | drop __error__ [10m])', True),
        (
            'sum by (status) (count_over_time({service="broken"} | json [10m]))',
            True,
        ),  # status is found before
        (
            'sum by (__error__) (count_over_time({service="broken"} | json [10m]))',
            True,
        ),  # the error is asked for
    ],
)
def test_errors_are_not_allowed_in_metrics_unless_nobody_meets_them(filled, query, is_answered):
    answer = filled.client.get("/loki/api/v1/query", params={"query": query, "time": START + 600 * SECOND})
    assert answer.status_code == (200 if is_answered else 400), answer.text
    if not is_answered:
        assert "pipeline error: 'JSONParserErr' for series" in answer.text


def test_an_unwrapped_value_that_is_no_number_is_an_error(filled):
    answer = filled.ask(
        'sum_over_time({service="logfmt"} | logfmt | unwrap user [5m])', "query", time=START + 60 * SECOND
    )
    assert answer.status_code == 400
    assert "pipeline error: 'SampleExtractionErr'" in answer.text


def test_windows_are_open_at_their_start(store):
    store.push([[str(START), "a"], [str(START + 60 * SECOND), "b"]])
    answer = store.ask('count_over_time({app="a"}[1m])', step=60, end=START + 120 * SECOND).json()
    assert answer["data"]["result"][0]["values"] == [[1795305600, "1"], [1795305660, "1"]]


def test_steps_are_multiples_of_the_step(store):
    store.push([[str(START + 10 * SECOND), "a"]])
    answer = store.ask(
        'count_over_time({app="a"}[1m])', step="70s", start=START + 5 * SECOND, end=START + 75 * SECOND
    ).json()
    (series,) = answer["data"]["result"]
    assert all(at % 70 == 0 for at, _ in series["values"])


@pytest.mark.parametrize(
    ("query", "kind", "result"),
    [
        ("1 + 1", "scalar", [1795306200, "2"]),
        ("vector(3)", "vector", [{"metric": {}, "value": [1795306200, "3"]}]),
        ("vector(3) > 5", "vector", []),
    ],
)
def test_numbers_need_no_lines(shared_store, query, kind, result):
    data = shared_store.client.get("/loki/api/v1/query", params={"query": query, "time": 1795306200}).json()[
        "data"
    ]
    assert (data["resultType"], data["result"]) == (kind, result)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"limit": 0}, "limit must be a positive value"),
        (
            {"limit": 5001},
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)",
        ),
        ({"direction": "sideways"}, "invalid direction 'sideways'"),
        (
            {"step": "0"},
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        ({"step": "fast"}, 'cannot parse "fast" to a valid duration'),
        ({"start": "yesterday"}, "could not parse 'start' parameter"),
        ({"since": "1 hour"}, "could not parse 'since' parameter"),
        ({"start": 0}, "the query time range exceeds the limit"),
        ({"interval": "-1"}, "interval must be >= 0"),
    ],
)
def test_parameters_are_refused_in_lokis_words(shared_store, params, problem):
    answer = shared_store.ask('{app="a"}', **params)
    assert answer.status_code == 400
    assert problem in answer.text


@pytest.mark.parametrize(
    "start", ["1795305600", "1795305600.0", "2026-11-22T00:00:00Z", "2026-11-22T01:00:00+01:00"]
)
def test_times_are_taken_in_every_form(store, start):
    store.push(["a"])
    assert store.lines('{app="a"}', start=start) == [({"app": "a"}, "a")]


def test_a_form_is_taken_as_well(store):
    store.push(["a"])
    form = {"query": '{app="a"}', "start": str(START), "end": str(START + SECOND)}
    assert len(store.client.post("/loki/api/v1/query_range", data=form).json()["data"]["result"]) == 1


def test_lines_closer_than_the_interval_are_left_out(store):
    store.push([[str(START + place * SECOND), str(place)] for place in range(10)])
    assert [text for _, text in store.lines('{app="a"}', interval=4)] == ["0", "4", "8"]


def test_lines_of_many_streams_are_merged_by_time(store):
    streams = [
        {
            "stream": {"app": "a", "n": str(number)},
            "values": [[str(START + (number * 7919) % 1_200), str(number)]],
        }
        for number in range(1_200)
    ]
    assert store.client.post("/loki/api/v1/push", json={"streams": streams}).status_code == 204
    oldest = [text for _, text in store.lines('{app="a"}', limit=900)]
    assert (
        oldest
        == [str(number) for number in sorted(range(1_200), key=lambda number: number * 7919 % 1_200)][:900]
    )
    newest = store.ask('{app="a"}', limit=10).json()["data"]["result"]
    assert {int(each["values"][0][0]) for each in newest} == set(range(START + 1_190, START + 1_200))


def test_labels_and_series(store):
    store.push(["a"], {"app": "a", "env": "x"})
    store.push(["a"], {"app": "b"})
    names = store.ask("", "labels").json()["data"]
    assert names == ["app", "env"]
    assert store.ask('{env="x"}', "label/app/values").json()["data"] == ["a"]
    assert store.ask("", "label/nosuch/values").json() == {"status": "success"}
    both = store.ask("", "series", **{"match[]": ['{app="a"}', '{app="b"}', '{app="nosuch"}']}).json()["data"]
    assert both == [{"app": "a", "env": "x"}, {"app": "b"}]
    assert len(store.ask("", "series").json()["data"]) == 2
    assert store.ask("", "series", **{"match[]": '{app="a"} |= "x"'}).status_code == 400
    assert store.ask("", "labels", start=START - 2 * SECOND, end=START - SECOND).json() == {
        "status": "success"
    }

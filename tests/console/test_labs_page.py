from obskit.console._labs_page import result_table


def figure(median, least=None, most=None):
    return {
        "median": median,
        "least": median if least is None else least,
        "most": median if most is None else most,
    }


def test_the_table_has_the_median_and_the_spread_and_leaves_out_what_was_never_counted():
    ways = [
        {
            "name": "join",
            "what": "one <b>statement</b>",
            "figures": {"p95_s": figure(0.016, 0.012, 0.02), "failed": figure(0), "messages": figure(0)},
        },
        {"name": "n-plus-one", "figures": {"p95_s": figure(0.2), "failed": figure(0), "queries": figure(21)}},
    ]

    text = result_table({"ways": ways})

    assert "16 ms (12 ms to 20 ms)" in text
    assert '<td class="whole">200 ms</td>' in text
    assert "one &lt;b&gt;statement" in text
    assert "messages" not in text
    assert "failed" in text
    assert "queries" in text


def test_a_result_without_ways_is_an_empty_table():
    assert result_table({}).startswith("<table")

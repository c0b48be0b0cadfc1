import json
import math

from obskit.console._charts import Marks, bars, heat_map, time_series
from obskit.console._model import Panel
from obskit.console._series import Exemplar, Series
from obskit.console._theme import Theme
from obskit.console._window import Window

WINDOW = Window(0, 600)
THEME = Theme.of(dark=True)


def a_panel(**more):
    defaults = {
        "unit": "s",
        "thresholds": {"steps": [{"color": "green", "value": None}, {"color": "red", "value": 0.5}]},
    }
    return Panel(
        {"type": "timeseries", "title": "P", "fieldConfig": {"defaults": defaults | more, "overrides": []}}
    )


def a_series(name, *values):
    return Series({"le": name}, [15.0 * n for n in range(len(values))], list(values), name=name, ref="A")


def test_a_line_has_a_point_for_each_sample_in_milliseconds_and_a_gap_for_nan():
    chart = time_series(a_panel(), [a_series("a", 1.0, math.nan, 3.0)], WINDOW, THEME, Marks())
    assert chart["series"][0]["data"] == [[0, 1.0], [15000.0, None], [30000.0, 3.0]]
    assert (chart["xAxis"]["min"], chart["xAxis"]["max"]) == (0, 600_000)


def test_every_chart_is_json():
    chart = time_series(a_panel(), [a_series("a", 1.0, math.inf)], WINDOW, THEME, Marks())
    assert json.dumps(chart, allow_nan=False)


def test_dashed_thresholds_are_lines_of_their_colour():
    panel = a_panel(custom={"thresholdsStyle": {"mode": "dashed"}})
    lines = time_series(panel, [a_series("a", 1.0)], WINDOW, THEME, Marks())["series"][0]["markLine"]["data"]
    assert [(line["yAxis"], line["lineStyle"]["color"]) for line in lines] == [(0.5, "#e0403f")]


def test_annotations_are_lines_at_their_time():
    over = Marks(annotations=[(60.0, "orders started", "#3b82d6")])
    lines = time_series(a_panel(), [a_series("a", 1.0)], WINDOW, THEME, over)["series"][0]["markLine"]["data"]
    assert [(line["xAxis"], line["name"]) for line in lines] == [(60_000, "orders started")]


def test_only_the_slowest_exemplar_of_a_moment_is_drawn():
    over = Marks(exemplars=[Exemplar(100 + n * 0.01, n, f"{n:032x}") for n in range(20)])
    (points,) = time_series(a_panel(), [], WINDOW, THEME, over)["series"]
    assert [point["name"] for point in points["data"]] == [f"{19:032x}"]


def test_a_legend_sums_up_each_line():
    chart = time_series(a_panel(), [a_series("a", 0.1, 0.3)], WINDOW, THEME, Marks())
    assert "a   mean 200 ms  max 300 ms  last 300 ms" in chart["legend"][":formatter"]


def test_a_narrow_panel_tells_every_name_with_its_last_value_and_the_rest_on_hovering():
    panel = Panel({"type": "timeseries", "fieldConfig": a_panel().json["fieldConfig"], "gridPos": {"w": 8}})
    series = [a_series(name, 0.1, 0.3) for name in ("gateway", "orders", "<b>inventory")]
    legend = time_series(panel, series, WINDOW, THEME, Marks())["legend"]

    assert "gateway  300 ms" in legend[":formatter"]
    assert "mean" not in legend[":formatter"]
    assert "&lt;b&gt;inventory   mean 200 ms" in legend["tooltip"][":formatter"]
    assert '"<b>inventory   mean' not in legend["tooltip"][":formatter"]


def test_a_name_from_anybody_stays_data():
    hostile = "</script>'); alert(1); ('"
    formatter = time_series(a_panel(), [a_series(hostile, 1.0)], WINDOW, THEME, Marks())["legend"][
        ":formatter"
    ]
    assert json.dumps(hostile)[1:-1] in formatter


def test_a_cell_of_a_heat_map_counts_its_own_bucket_only():
    buckets = [a_series("0.1", 1.0, 0.0), a_series("+Inf", 5.0, 2.0), a_series("0.5", 4.0, 2.0)]
    cells = [cell["value"] for cell in heat_map(a_panel(), buckets, THEME)["series"][0]["data"]]
    assert sorted(cells) == [[0, 0, 1.0], [0, 1, 3.0], [0, 2, 1.0], [1, 1, 2.0]]


def test_an_exemplar_of_a_heat_map_is_a_dot_in_the_cell_that_counts_it():
    buckets = [a_series(le, 0.0, 1.0, 2.0) for le in ("0.1", "0.5", "+Inf")]
    found = [
        Exemplar(12.0, 0.3, "a" * 32),
        Exemplar(15.0, 0.1, "b" * 32),
        Exemplar(16.0, 9.0, "c" * 32),
        Exemplar(31.0, 0.1, "d" * 32),  # counted by the step that comes
    ]
    chart = heat_map(a_panel(), buckets, THEME, found)
    dots = chart["series"][1]

    assert dots["name"] == "exemplars"
    places = {dot["name"][0]: dot["value"] for dot in dots["data"]}
    assert places == {"a": [1, 1], "b": [1, 0], "c": [2, 2]}
    assert chart["visualMap"]["seriesIndex"] == 0  # or the dots would be coloured as cells


def test_bars_are_coloured_by_their_threshold():
    (only,) = bars(a_panel(), [a_series("a", 0.1), a_series("b", 0.9)], THEME)["series"]
    assert [(point["value"], point["itemStyle"]["color"]) for point in only["data"]] == [
        (0.9, "#e0403f"),
        (0.1, "#3fa66b"),
    ]

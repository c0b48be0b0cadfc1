"""Every committed board in a browser, over two hours of history."""

import time

import pytest

from obskit._assets import asset
from obskit.console._model import load

BOARDS = load(asset("dashboards", "json"))
INCIDENT_H = 3600
WIDTH = "() => document.documentElement.scrollWidth"


def span(running):
    """The second hour of the history, in which things fail."""
    return f"from={running.start * 1000}&to={(running.start + INCIDENT_H) * 1000}"


def states(tab):
    """The state of each panel, by its title."""
    found = tab.page.query_selector_all("[data-panel]")
    return {each.get_attribute("aria-label"): each.get_attribute("data-state") for each in found}


@pytest.mark.parametrize("uid", BOARDS)
def test_every_board_opens_with_data_and_without_an_error(tab, running, pictures, uid):
    tab.open(f"/d/{uid}?{span(running)}")

    tab.page.screenshot(path=pictures / f"{uid}.png", full_page=True)
    found = states(tab)
    drawn = [panel for panel in BOARDS[uid].panels if panel.type != "row"]
    assert len(tab.page.query_selector_all("[data-panel]")) == len(drawn)
    assert "failed" not in found.values(), found
    assert {title for title, state in found.items() if state == "empty"} == set()
    tab.page.set_viewport_size({"width": 1024, "height": 768})
    assert tab.page.evaluate(WIDTH) <= 1024
    assert tab.errors == []
    assert not tab.is_pwned


def test_a_link_with_a_time_and_a_variable_shows_the_same_page_again(tab, running):
    tab.open(f"/d/obskit-service?{span(running)}&var-service=orders")
    first = tab.page.inner_text("[data-panel] .numbers >> nth=0")

    tab.open(tab.page.url.removeprefix(running.url("console")))

    assert tab.page.inner_text("[data-panel] .numbers >> nth=0") == first
    assert "orders" in tab.page.inner_text(".q-select >> nth=1") or "orders" in tab.text


def test_dragging_over_a_chart_shows_that_time(tab, running):
    tab.open(f"/d/obskit-service?{span(running)}")
    chart = tab.page.locator("[data-panel] .nicegui-echart[data-joined]").first
    chart.wait_for()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    y = box["y"] + box["height"] / 2
    tab.page.mouse.move(box["x"] + box["width"] * 0.4, y)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
    tab.page.mouse.up()

    tab.page.wait_for_url(lambda url: f"from={running.start * 1000}" not in url)
    tab.settle()
    assert set(states(tab).values()) <= {"ready", "empty"}


def test_the_crosshair_is_drawn_over_the_other_charts(tab, running):
    tab.open(f"/d/obskit-service?{span(running)}")
    chart = tab.page.locator("[data-panel] .nicegui-echart[data-joined]").first
    chart.wait_for()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    tab.page.wait_for_function(
        "() => [...document.querySelectorAll('.cross')].filter(e => e.style.display === 'block').length > 1"
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/boards", "/logs", "/traces", "/map", "/alerts", "/incidents", "/faults", "/labs", "/query"],
)
def test_every_page_opens_without_an_error_and_fits_1024_pixels(tab, pictures, path):
    tab.page.set_viewport_size({"width": 1024, "height": 768})
    tab.open(path)

    tab.page.screenshot(path=pictures / f"{path.strip('/') or 'overview'}-1024.png")
    assert tab.page.evaluate(WIDTH) <= 1024
    assert tab.errors == []
    assert not tab.is_pwned


A_POINT = """each => {
    const chart = getElement(Number(each.id.slice(1))).chart;
    const points = chart.getOption().series[0].data;
    return chart.convertToPixel({ seriesIndex: 0 }, points[Math.floor(points.length / 2)]);
}"""


def test_a_click_on_a_line_leads_to_its_logs_and_traces(tab, running):
    tab.open(f"/d/obskit-service?{span(running)}")
    chart = tab.page.locator("[data-panel][aria-label='Requests by status'] .nicegui-echart[data-joined]")
    chart.wait_for()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x, y = chart.evaluate(A_POINT)
    tab.page.mouse.click(box["x"] + x, box["y"] + y)

    tab.page.wait_for_function(
        "() => document.body.innerText.includes('Go on to') || /^.(logs|traces)/.test(location.pathname)"
    )
    assert tab.errors == []


AN_EXEMPLAR = """each => {
    const chart = getElement(Number(each.id.slice(1))).chart;
    const series = chart.getOption().series;
    const index = series.findIndex(one => one.name === 'exemplars');
    const points = index < 0 ? [] : series[index].data;
    return points.length ? chart.convertToPixel({ seriesIndex: index }, points.at(-1).value) : null;
}"""


def test_a_click_on_an_exemplar_opens_its_trace(tab, running):
    tab.open("/d/obskit-service?from=now-5m&var-service=exemplary")
    chart = tab.page.locator("[data-panel][aria-label='Duration'] .nicegui-echart[data-joined]")
    chart.wait_for()
    deadline = time.monotonic() + 90
    while (point := chart.evaluate(AN_EXEMPLAR)) is None:
        assert time.monotonic() < deadline
        tab.page.get_by_label("Read again").click()
        tab.page.wait_for_timeout(500)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    tab.page.mouse.click(box["x"] + point[0], box["y"] + point[1])

    tab.page.wait_for_url("**/trace/1bf7651916cd43dd8448eb211c80319c**")
    tab.page.locator(".waterfall").wait_for()
    assert tab.errors == []


def test_light_is_light(context, tab, running):
    context.add_cookies([{"name": "obskit-theme", "value": "light", "url": running.url("console")}])
    tab.open("/alerts")

    assert tab.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(244, 245, 247)"


def test_a_question_that_is_refused_says_why_and_what_to_do(tab):
    tab.open("/query?query=sum(")

    assert "parse error" in tab.text
    assert "Change the query" in tab.text

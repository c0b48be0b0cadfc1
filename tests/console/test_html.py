import pytest

from obskit.console._html import Html, join, link, tag

HOSTILE = """<script>alert(1)</script>"'&"""


def test_text_and_attributes_are_escaped():
    made = tag("td", HOSTILE, title=HOSTILE, class_="a", data_id=None)
    assert "<script" not in made
    assert made.count("<") == 2
    assert made.startswith('<td title="&lt;script&gt;')


def test_what_is_html_already_stays():
    assert tag("p", join([tag("b", "x"), tag("i", "y")])) == "<p><b>x</b><i>y</i></p>"
    assert isinstance(tag("p"), Html)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.test", "data:text/html,x", "", " /x", "vbscript:x"]
)
def test_an_address_that_is_no_page_becomes_text(url):
    assert "href" not in link("x", url)


@pytest.mark.parametrize("url", ["/logs?query=a&b", "http://127.0.0.1:8601/x", "https://runbooks.test/y"])
def test_a_page_is_linked(url):
    assert link("x", url).startswith('<a href="')

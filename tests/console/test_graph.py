from obskit.console._graph import Edge, edge_table, graph_of
from obskit.console._shell import Page
from obskit.console._theme import Theme

CALL = Edge("gateway", "<b>orders", "HTTP", rate=5.0, failed=0.2, p95=0.25)
MESSAGE = Edge("<b>orders", "inventory", "messages", rate=5.0, failed=0.0, p95=None)
THEME = Theme.of(dark=True)


def drawn(*edges):
    (graph,) = graph_of(edges, THEME)["series"]
    return graph


def test_messages_are_dashed_and_failures_are_red_and_said():
    call, message = drawn(CALL, MESSAGE)["links"]
    assert (call["lineStyle"]["type"], message["lineStyle"]["type"]) == ("solid", "dashed")
    assert call["lineStyle"]["color"] == "#e0403f"
    assert message["lineStyle"]["color"] == THEME.faint
    assert "20% failed" in call["label"]["formatter"].replace(" %", "%")


def test_callers_stand_left_of_what_they_call():
    back = Edge("<b>orders", "gateway", "HTTP", rate=1.0, failed=0.0, p95=0.1)  # a circle does not hang
    places = {node["name"]: node["x"] for node in drawn(CALL)["data"]}
    assert places["gateway"] < places["<b>orders"]
    assert len(drawn(CALL, back)["data"]) == 2


def test_a_row_leads_to_the_called_service_and_names_are_text():
    table = edge_table([CALL], Page("/map"))
    assert "&lt;b&gt;orders" in table
    assert "<b>orders" not in table
    assert "/d/obskit-service" in table

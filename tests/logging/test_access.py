import pytest

from obskit import context

PATHS = (
    "/",
    "",
    "/api/items/7",
    "/api/items/o-1843_x",
    "/api/items/6f1f7a4e-5a7c-4a37-9a51-3d2f4b0c9d11",
    "/files/report.pdf",
    "/Grüße",
    '/quote"and\\slash',
    "/line\nbreak",
    "/lone/\ud800",
    "/pay/4111111111111111",
    "/pay/4111-1111-1111-1111",
    "/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl",
    "/password=hunter2/next",
    "/x" * 400,
)


@pytest.fixture
def in_request(in_fresh_context):
    """Run a function in the scope of a request."""

    def run(function, **bound):
        def inside():
            context.enter(context.RequestScope("r-1"))
            context.bind(**bound)
            function()

        in_fresh_context(inside)

    return run


def both(pipe, read_lines, in_request, path, **bound):
    """Write one line in both ways and return what differs in nothing but the time."""

    def write():
        pipe.access("GET", "/api/items/{item}", path, 200, 1.25, "ok")
        fields = {"method": "GET", "route": "/api/items/{item}", "path": path, "status": 200}
        pipe.emit("info", "http.request", {**fields, "duration_ms": 1.25, "outcome": "ok"})

    in_request(write, **bound)
    lines = [list(line.items()) for line in read_lines(pipe)]
    return [[(name, value) for name, value in line if name != "timestamp"] for line in lines]


@pytest.mark.parametrize("path", PATHS)
def test_the_short_way_writes_what_the_long_way_writes(make_pipe, read_lines, in_request, path):
    one, other = both(make_pipe(), read_lines, in_request, path)
    assert one == other


def test_bound_fields_are_on_it(make_pipe, read_lines, in_request):
    one, other = both(make_pipe(), read_lines, in_request, "/api", user_id="u-1", token="secret-token")
    assert one == other
    assert ("user_id", "u-1") in one


@pytest.mark.parametrize("settings", [{"log_level": "warning"}, {"log_sample": 0.0}, {"log_rate": 1}])
def test_lines_that_are_left_out_stay_out(make_pipe, read_lines, in_request, settings):
    short, long = make_pipe(**settings), make_pipe(**settings)
    in_request(lambda: [short.access("GET", "/", "/", 200, 1.0, "ok") for _ in range(3)])
    in_request(lambda: [long.emit("info", "http.request", {}) for _ in range(3)])
    read_lines(short), read_lines(long)
    assert (short.written, short.left_out) == (long.written, long.left_out)


def test_the_tap_sees_it(make_pipe, in_request):
    pipe, seen = make_pipe(), []
    pipe.tap = seen.append
    in_request(lambda: pipe.access("GET", "/items", "/items", 200, 1.0, "ok"))
    assert seen[0]["path"] == "/items"


def test_each_status_and_route_has_its_own_line(make_pipe, read_lines, in_request):
    pipe = make_pipe()
    wanted = [("GET", "/a", 200, "ok"), ("POST", "/a", 200, "ok"), ("GET", "/b", 404, "client_error")]

    def write():
        for method, route, status, outcome in wanted * 2:
            pipe.access(method, route, "/a", status, 1.0, outcome)

    in_request(write)
    lines = read_lines(pipe)
    assert [(line["method"], line["route"], line["status"], line["outcome"]) for line in lines] == wanted * 2

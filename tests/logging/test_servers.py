import logging
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from obskit.logging._servers import adopt

APP = """
import logging, os, sys
import structlog
from loguru import logger
from obskit.config import Settings
from obskit.logging import LogPipe, configure, get_logger

pipe = LogPipe(Settings.load({"service": "orders"}))
pipe.start()
configure(pipe)
log = get_logger()


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        pipe.close(2)
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"]
    try:
        if path == "/logged":
            raise ValueError("was logged")
        if path == "/unlogged":
            raise ValueError("was not logged")
    except ValueError as error:
        if path == "/logged":
            pipe.emit("error", "http.request", {"path": path, "exc_info": error})
        raise
    log.info("from obskit")
    structlog.get_logger().info("from structlog")
    logging.getLogger("shop").info("from logging")
    logger.info("from loguru")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def wsgi(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] != "/pid":
        log.info("from obskit")
        logging.getLogger("shop").info("from logging")
    return [b"%d" % os.getpid()]
"""
RUN = "\nif __name__ == '__main__':\n    import uvicorn\n    uvicorn.run(app, port=int(os.environ['PORT']))\n"


@pytest.fixture
def serve(tmp_path, free_port, wait_for):
    """Start a server, ask it for paths, end it with SIGTERM, and give its stdout and stderr."""
    (tmp_path / "served.py").write_text(APP + RUN)

    def run(command, paths, workers=0):
        port = str(free_port())
        environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
        environ |= {"PYTHONPATH": path, "PORT": port, "OBSKIT_LOG_DIR": str(tmp_path / "logs")}
        outputs = tmp_path / "out", tmp_path / "err"
        with outputs[0].open("w") as out, outputs[1].open("w") as err:
            words = [word.format(port=port, app=tmp_path / "served.py") for word in command]
            server = subprocess.Popen(
                [sys.executable, *words], env=environ, cwd=tmp_path, stdout=out, stderr=err
            )
        try:
            wait_for(lambda: server.poll() is not None or ask(port, "/up") == 200, "the server answers")
            for path in paths:
                ask(port, path)
            pids = set()
            wait_for(
                lambda: not workers or len(answering(port, pids)) >= workers,
                "all workers answer",
                within_s=60,
            )
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        return outputs[0].read_text(), outputs[1].read_text()

    return run


def ask(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}?token=s3cr3t", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def answering(port, pids):
    """Add the workers that answer a handful of requests at once to *pids*."""

    def pid(_):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/pid", timeout=30) as answer:
                return answer.read()
        except OSError:
            return b""

    with ThreadPoolExecutor(6) as pool:
        pids |= set(pool.map(pid, range(6))) - {b""}
    return pids


SOURCES = ["from obskit", "from structlog", "from logging", "from loguru"]


@pytest.mark.parametrize(
    "command",
    [["-m", "uvicorn", "served:app", "--port", "{port}"], ["{app}"]],
    ids=["command line", "uvicorn.run"],
)
def test_every_line_of_uvicorn_is_json_and_comes_once(serve, lines_of, tmp_path, command):
    out, err = serve(command, ["/orders", "/orders", "/logged", "/unlogged"])
    lines = lines_of(out)
    counts = Counter(line["event"] for line in lines)
    assert {source: counts[source] for source in SOURCES} == dict.fromkeys(SOURCES, 3)
    assert counts["http.request"] == 1
    failed = [line["exception"]["message"] for line in lines if "exception" in line]
    assert failed == ["was logged", "was not logged"]
    assert not any(line["logger"] == "uvicorn.access" for line in lines)
    assert "s3cr3t" not in out + err
    assert "Exception" not in err
    (path,) = (tmp_path / "logs").iterdir()
    assert path.read_text() == out


@pytest.mark.parametrize(
    "command",
    [["-m", "uvicorn", "served:app", "--port", "{port}"], ["{app}"]],
    ids=["command line", "uvicorn.run"],
)
def test_the_last_line_of_uvicorn_is_written(serve, lines_of, command):
    out, _ = serve(command, [])
    assert lines_of(out)[-1]["event"].startswith("Finished server process")


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["workers", "preload"])
def test_every_line_of_gunicorn_is_json_and_comes_once(serve, lines_of, tmp_path, preload):
    command = ["-m", "gunicorn", "served:wsgi", "--bind", "127.0.0.1:{port}", "--workers", "2", *preload]
    # gunicorn forgets a SIGTERM that reaches a worker between its fork and its own signal handlers (it
    # runs the master's there), and kills it 30 s later. Who has answered a request has its handlers.
    out, err = serve([*command, "--access-logfile", "-"], ["/orders"] * 5, workers=2)
    counts = Counter(line["event"] for line in lines_of(out))
    assert counts["from obskit"] == counts["from logging"] == 6
    assert not any(line["logger"] == "gunicorn.access" for line in lines_of(out))
    assert "GET /orders" not in out + err
    files = [path.read_text() for path in (tmp_path / "logs").iterdir()]
    assert sorted(out.splitlines()) == sorted("".join(files).splitlines())


@pytest.fixture
def server_logger():
    """Give a logger of a server as it was before anybody adopted it, and put it back after."""
    logger = logging.getLogger("hypercorn.error")
    before = logger.__class__, dict(vars(logger))
    logger.__class__ = logging.Logger
    logger.handlers[:] = []
    yield logger
    logger.__class__ = before[0]
    vars(logger).update(before[1])


def test_a_server_may_still_log_to_a_file(server_logger, tmp_path):
    kept = logging.FileHandler(tmp_path / "error.log")
    server_logger.addHandler(kept)
    server_logger.addHandler(logging.StreamHandler())
    adopt()
    later = logging.FileHandler(tmp_path / "later.log")
    for handler in (later, logging.StreamHandler(sys.stdout)):
        server_logger.addHandler(handler)
    assert server_logger.handlers == [kept, later]
    kept.close()
    later.close()


def test_a_server_cannot_turn_its_logger_away(server_logger):
    adopt()
    adopt()
    server_logger.propagate = False
    assert server_logger.propagate
    assert type(server_logger).__mro__.count(logging.Logger) == 1


def test_access_loggers_say_that_they_are_off():
    adopt()
    access = logging.getLogger("uvicorn.access")
    assert not access.isEnabledFor(logging.CRITICAL)
    assert not access.hasHandlers()

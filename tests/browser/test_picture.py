"""Pictures of boards, taken by the command's own way of driving a browser."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from obskit.console import take_picture
from obskit.errors import StackError


def taken(*arguments, **options):
    """Take it in a thread: the browser of the other tests holds this one's event loop."""
    with ThreadPoolExecutor() as threads:
        threads.submit(take_picture, *arguments, **options).result()


def test_the_whole_board_is_on_the_picture(running, tmp_path):
    times = f"from={running.start * 1000}&to={(running.start + 3600) * 1000}"
    taken(running.url("console", f"/d/obskit-service?{times}"), tmp_path / "x.png", width=1200)

    image = (tmp_path / "x.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    width, height = (int.from_bytes(image[at : at + 4], "big") for at in (16, 20))
    assert width == 1200
    assert height > 2000


def test_a_console_that_is_down_is_said(tmp_path, free_port):
    with pytest.raises(StackError, match="cannot be opened") as refused:
        taken(f"http://127.0.0.1:{free_port()}/d/obskit-service", tmp_path / "x.png")

    assert refused.value.fix == "obskit up"

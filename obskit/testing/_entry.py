"""What pytest loads when obskit is installed: one fixture, and nothing of obskit until a test asks for it.

In the wheel this file lies beside the package, as ``_obskit_pytestplugin.py``: an entry
point inside the package would import all of it in every pytest run of the environment.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from obskit.testing import Capture

__all__ = ["obs_capture"]


@pytest.fixture
def obs_capture() -> Iterator["Capture"]:
    """Capture the log lines, spans and metrics that the code under test makes.

    ::

        def test_order(client, obs_capture):
            client.post("/orders")
            assert obs_capture.logs.one(event="order.created").trace_id == obs_capture.server_span.trace_id
    """
    from obskit.testing import capture

    with capture() as captured:
        yield captured

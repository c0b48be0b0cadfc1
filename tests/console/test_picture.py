import pytest

from obskit.console import take_picture
from obskit.errors import StackError


def test_without_a_chromium_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match="no Chromium here") as refused:
        take_picture("http://127.0.0.1:9/d/x", tmp_path / "x.png")

    assert "chromium" in refused.value.fix

def test_preview_names_the_boards_when_there_is_no_such_one(shell, tmp_path):
    result = shell.run("dashboards", "preview", "nothing", "--png", str(tmp_path / "x.png"))

    assert result.code == 1
    assert "There is no board 'nothing'; there are" in result.err
    assert "sync-async" in result.err


def test_preview_needs_a_stack(shell, tmp_path):
    result = shell.run("dashboards", "preview", "service", "--png", str(tmp_path / "x.png"))

    assert result.code == 1
    assert "No stack is running" in result.err
    assert "obskit up" in result.err
    assert not (tmp_path / "x.png").exists()


def test_preview_knows_the_boards_of_obskit_toml(shell, tmp_path):
    shell.home.boards.mkdir(parents=True)
    (shell.home.boards / "tills.json").write_text("{}")
    result = shell.run("dashboards", "preview", "tills", "--png", str(tmp_path / "x.png"))

    assert "No stack is running" in result.err

def test_ends_everything(shell):
    shell.run_standins("up")

    result = shell.run("down")

    assert result.code == 0
    assert result.out == "Nothing is left running.\n"
    assert "orders stopped" in result.err
    assert shell.running() == []
    assert shell.home.logs.is_dir()


def test_wipe_removes_the_home_folder(shell):
    shell.run_standins("up")

    result = shell.run("down", "--wipe")

    assert result.code == 0
    assert f"Removed {shell.home.root}." in result.out
    assert not shell.home.root.exists()


def test_of_a_stopped_stack_is_no_problem(shell):
    result = shell.run("down")

    assert result.code == 0
    assert result.out == f"No stack was running in {shell.home.root}.\n"


def test_wipe_leaves_a_folder_of_somebody_else_alone(shell, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")

    result = shell.run("down", "--wipe", "--home", str(tmp_path))

    assert result.code == 1
    assert "was not made by obskit" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

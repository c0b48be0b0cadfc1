"""``obskit dashboards`` from the shell: what is new, what is pushed, what is asked of running stores."""


def test_a_new_board_is_built_and_checked(shell, tmp_path):
    folder = str(tmp_path / "mine")
    made = shell.run(
        "dashboards", "new", "shop", "--metric", "shop_orders_total:counter:kind", "--to", folder
    )
    assert made.code == 0, made.err
    assert f"obskit dashboards build --from {folder}" in made.out
    assert shell.run("dashboards", "build", "--from", folder).code == 0
    checked = shell.run("dashboards", "check", "--from", folder)
    assert (checked.code, checked.out) == (0, "0 findings\n")


def test_a_live_check_without_stores_says_what_to_do(shell, tmp_path):
    folder = str(tmp_path / "mine")
    shell.run("dashboards", "new", "shop", "--metric", "shop_orders_total:counter:kind", "--to", folder)
    shell.run("dashboards", "build", "--from", folder)
    address = ("--prometheus", "http://127.0.0.1:1")
    result = shell.run("dashboards", "check", "--live", "--from", folder, *address)
    assert result.code == 1
    assert "http://127.0.0.1:1 does not answer" in result.err
    assert "obskit up" in result.err


def test_a_push_without_a_token_says_which_to_make(shell):
    result = shell.run("dashboards", "push", "--url", "http://127.0.0.1:1")
    assert result.code != 0
    assert "There is no token; make a service account" in result.err


def test_a_push_to_nowhere_says_so_and_never_shows_the_token(shell):
    result = shell.run("dashboards", "push", "--url", "http://127.0.0.1:1", "--token", "glsa_secret")
    assert result.code == 1
    assert "cannot be reached" in result.err
    assert "glsa_secret" not in result.err + result.out

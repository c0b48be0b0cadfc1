"""What pager.yaml may say, and what is said of what it may not."""

import io

import pytest

from obskit.errors import StackError
from obskit.pager import Level, load_config

ALL = """
notifiers:
  console: {type: stdout}
  laptop: {type: desktop}
  pages: {type: file, path: pages.txt}
  mail:
    type: email
    host: mail.example.org
    security: starttls
    username: pager
    password_file: password
    from: pager@example.org
    to: [ann@example.org, bob@example.org]
  chat: {type: webhook, url: https://chat.example.org/hook, secret_file: secret}
escalation:
  levels:
    - {notify: [console, laptop], escalate_after: 5m}
    - {notify: mail, escalate_after: 90}
    - {notify: [chat, pages]}
  repeat: 1
  acknowledge_timeout: 1h
"""


@pytest.fixture
def load(tmp_path):
    (tmp_path / "secret").write_text("the-secret\n")
    (tmp_path / "password").write_text("the-password\n")
    (tmp_path / "empty").write_text("\n")

    def of(text):
        path = tmp_path / "pager.yaml"
        path.write_text(text)
        return load_config(path, out=io.StringIO())

    return of


def test_reads_all_that_there_is(load):
    config = load(ALL)
    assert [one.name for one in config.notifiers] == ["console", "laptop", "pages", "mail", "chat"]
    assert config.policy.levels == (
        Level(("console", "laptop"), 300.0),
        Level(("mail",), 90.0),
        Level(("chat", "pages"), 300.0),
    )
    assert (config.policy.repeat, config.policy.acknowledge_timeout_s) == (1, 3600.0)
    assert "the-secret" not in repr(config)
    assert "the-password" not in repr(config)


def test_without_a_file_everybody_there_is_is_told_again_every_five_minutes(monkeypatch):
    monkeypatch.setenv("PATH", "")
    config = load_config(None)
    assert [one.name for one in config.notifiers] == ["stdout"]
    assert config.policy.levels == (Level(("stdout",), 300.0),)
    assert (config.policy.repeat, config.policy.acknowledge_timeout_s) == (2, None)


def test_without_notifiers_or_levels_the_default_stands_for_them(load):
    assert [one.name for one in load("{}").notifiers] == ["stdout"]
    config = load("notifiers: {a: {type: stdout}, b: {type: desktop}}")
    assert config.policy.levels == (Level(("a", "b"), 300.0),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "the file: is a list; a mapping is accepted."),
        (
            "notifier: {}",
            "notifier: is not a key here; notifiers, escalation are accepted. Did you mean notifiers?",
        ),
        ("notifiers: {}", "notifiers: holds 0; from 1 to 50 are accepted."),
        ("notifiers: {a: stdout}", "notifiers.a: is a text; a mapping is accepted."),
        (
            "notifiers: {'a b': {type: stdout}}",
            "notifiers.a b: is no name; up to 40 letters, digits, - and _",
        ),
        (
            "notifiers: {a: {type: pigeon}}",
            "notifiers.a.type: is 'pigeon'; stdout, desktop, email, webhook, file",
        ),
        ("notifiers: {a: {}}", "notifiers.a.type: is missing; stdout, desktop"),
        ("notifiers: {a: {type: file}}", "notifiers.a.path: is missing;"),
        (
            "notifiers: {a: {type: webhook, url: 'https://x/', secret: hush}}",
            "notifiers.a.secret: secrets do not belong in this file; secret_file names a file that holds it.",
        ),
        (
            "notifiers: {a: {type: webhook, url: 'ftp://x', secret_file: secret}}",
            "notifiers.a.url: is no web address",
        ),
        (
            "notifiers: {a: {type: webhook, url: 'https://u:hush@x/', secret_file: secret}}",
            "notifiers.a.url: holds a password; url_file names a file with the whole address.",
        ),
        ("notifiers: {a: {type: webhook, secret_file: secret}}", "notifiers.a.url: one of url and url_file"),
        (
            "notifiers: {a: {type: webhook, url: 'https://x/', secret_file: nowhere}}",
            "cannot be read: FileNotFoundError.",
        ),
        ("notifiers: {a: {type: webhook, url: 'https://x/', secret_file: empty}}", "empty is empty."),
        (
            "notifiers: {a: {type: email, from: a@b, to: c@d}}",
            "notifiers.a.host: is missing; a text is accepted.",
        ),
        (
            "notifiers: {a: {type: email, host: h, from: ab, to: c@d}}",
            "notifiers.a.from: 'ab' is no mail address",
        ),
        (
            "notifiers: {a: {type: email, host: h, from: a@b, to: []}}",
            "notifiers.a.to: is a list; a list with at least one text is accepted.",
        ),
        (
            "notifiers: {a: {type: email, host: h, port: 0, from: a@b, to: c@d}}",
            "notifiers.a.port: is 0; a whole number from 1 to 65535 is accepted.",
        ),
        (
            "notifiers: {a: {type: email, host: h, from: a@b, to: c@d, username: u, password: hush}}",
            "notifiers.a.password: secrets do not belong in this file; password_file names a file",
        ),
        (
            "notifiers: {a: {type: email, host: h, from: a@b, to: c@d, username: u, password_file: secret}}",
            "notifiers.a.security: is none; starttls or tls are accepted with a password.",
        ),
        (
            "escalation: {levels: []}",
            "escalation.levels: is a list; a list with at least one mapping is accepted.",
        ),
        (
            "escalation: {levels: [{notify: [stdout, mial]}]}",
            "escalation.levels[0].notify: 'mial' is not a notifier; stdout are accepted.",
        ),
        (
            "escalation: {levels: [{notify: stdout, escalate_after: soon}]}",
            "escalation.levels[0].escalate_after: is 'soon'; a time from 1s to 7d is accepted, such as 30s, 5m or 1h.",
        ),
        (
            "escalation: {levels: [{notify: stdout, escalate_after: 0}]}",
            "escalate_after: is 0; a time from 1s",
        ),
        (
            "escalation: {levels: [{notify: stdout, delay: 5m}]}",
            "escalation.levels[0].delay: is not a key here; notify, escalate_after are accepted.",
        ),
        (
            "escalation: {levels: [{notify: stdout}], repeat: forever}",
            "escalation.repeat: is 'forever'; a whole number from 0 to 100 is accepted.",
        ),
        ("escalation: {levels: [{notify: stdout}], repeat: true}", "escalation.repeat: is True;"),
    ],
)
def test_names_the_key_and_what_is_accepted(load, text, said):
    with pytest.raises(StackError) as refused:
        load(text)
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)
    assert "start the pager again" in refused.value.fix


def test_names_all_that_is_wrong_at_once(load):
    with pytest.raises(StackError) as refused:
        load("notifiers: {a: {type: pigeon}}\nescalation: {levels: [{notify: b}], repeat: -1}")
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(("text", "said"), [("a: [", "is not YAML in line 1"), ("a: \x00", "is not YAML")])
def test_says_where_it_is_no_yaml(load, text, said):
    with pytest.raises(StackError, match=said):
        load(text)


def test_says_that_the_file_is_missing(tmp_path):
    with pytest.raises(StackError, match="cannot be read: FileNotFoundError") as refused:
        load_config(tmp_path / "none.yaml")
    assert "--config" in refused.value.fix

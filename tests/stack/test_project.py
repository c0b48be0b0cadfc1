from pathlib import Path

import pytest

from obskit import stack
from obskit.errors import ConfigError

GOOD = """
[services.shop]
command = "uvicorn shop.app:app --port {port}"
port = 8000
owner = "shop-team"
slos = [
  {kind = "availability", objective = 99.9},
  {kind = "latency", objective = 99, threshold_s = 0.5},
]

[services.billing]
url = ["http://localhost:8001/", "http://localhost:8002"]
metrics = "/internal/metrics"
logs = "log/billing.log"
"""


@pytest.fixture
def write(tmp_path):
    def made(text, name="obskit.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return made


def test_reads_a_service_to_start_and_one_to_attach_to(write, tmp_path):
    project = stack.load_project(write(GOOD))

    shop, billing = project.services
    assert shop.command == ("uvicorn", "shop.app:app", "--port", "{port}")
    assert shop.processes == {"shop": 8000}
    assert shop.addresses == ("http://127.0.0.1:8000",)
    assert (shop.owner, shop.directory, shop.ready) == ("shop-team", tmp_path, "/readyz")
    assert [(one.name, one.owner, one.service) for one in shop.objectives] == [
        ("availability", "shop-team", "shop"),
        ("latency", "shop-team", "shop"),
    ]
    assert billing.addresses == ("http://localhost:8001", "http://localhost:8002")
    assert (billing.owner, billing.metrics) == ("billing", "/internal/metrics")
    assert billing.logs == (str(tmp_path / "log/billing.log"),)
    assert not project.has_samples


def test_the_same_table_is_read_from_pyproject(write, tmp_path):
    write(
        '[project]\nname = "shop"\n[tool.obskit.services.shop]\nurl = "http://localhost:8000"',
        "pyproject.toml",
    )

    (shop,) = stack.find_project(tmp_path).services
    assert shop.name == "shop"


def test_a_pyproject_without_the_table_is_no_project(write, tmp_path):
    write('[project]\nname = "shop"', "pyproject.toml")

    project = stack.find_project(tmp_path)
    assert (project.path, project.services, project.has_samples) == (None, (), True)


def test_obskit_toml_comes_before_pyproject(write, tmp_path):
    write('[tool.obskit.services.old]\nurl = "http://localhost:1"', "pyproject.toml")
    write('[services.new]\nurl = "http://localhost:2"')

    assert [one.name for one in stack.find_project(tmp_path).services] == ["new"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[services.shop", "cannot be read as TOML"),
        ("services = 3", "services is 3; use one table a service, such as"),
        ('[servces.shop]\nurl = "http://a"', "has the key 'servces'; accepted are services, env, samples"),
        ('samples = "no"', "samples is 'no'; use true or false, without quotes"),
        ("[services.shop]", "services.shop has neither of command and url"),
        ('[services.shop]\ncommand = "a"\nurl = "http://a"', "services.shop has both of command and url"),
        (
            '[services.shop]\nurl = "localhost:8000"',
            "services.shop.url is 'localhost:8000'; use an address such as",
        ),
        ('[services.shop]\nurl = "http://a:8000/metrics"', "the paths are keys of their own"),
        ('[services.shop]\nurl = "http://me:pw@a"', "use an address without a user"),
        ('[services.shop]\nurl = "http://a:99999"', "use an address such as"),
        ('[services.shop]\nurl = "http://a"\nport = 8', "services.shop.port is for a service with a command"),
        ('[services.shop]\nurl = "http://a"\nlogs = "stdout"', "services.shop.logs has 'stdout'"),
        (
            '[services.shop]\ncommand = "a"\nport = "8000"',
            "services.shop.port is '8000'; use a whole number from 1",
        ),
        ('[services.shop]\ncommand = "a --port {port}"', "services.shop.port is missing; command has {port}"),
        ("[services.shop]\ncommand = []", "services.shop.command is []; use a command line such as"),
        ('[services.shop]\ncommand = "a \'b"', "services.shop.command is"),
        (
            '[services.shop]\ncommand = "a"\ndirectory = "nowhere"',
            "services.shop.directory is 'nowhere'; use a folder",
        ),
        (
            '[services.shop]\nurl = "http://a"\nmetrics = "metrics"',
            "services.shop.metrics is 'metrics'; use a path",
        ),
        ('[services.shop]\nurl = "http://a"\nlog = "x"', "has the key 'log'; accepted are command, url"),
        ('[services."my shop"]\nurl = "http://a"', "is 'my shop'; use small letters, digits, - and _"),
        (
            '[services.shop]\nurl = "http://a"\nowner = "The Team"',
            "services.shop.owner is 'The Team'; use small",
        ),
        ('[services.shop]\nurl = "http://a"\nslos = "99"', "services.shop.slos is '99'; use a list such as"),
        (
            '[services.shop]\nurl = "http://a"\nslos = [{kind = "uptime", objective = 99.9}]',
            "services.shop.slos[1]: .*its kind is one of availability",
        ),
        (
            '[services.shop]\nurl = "http://a"\nslos = [{kind = "latency", objective = 99, threshold_s = 0.3}]',
            r"services.shop.slos\[1\]: .*bucket",
        ),
        (
            '[services.shop]\nurl = "http://a"\nslos = [{kind = "availability"}]',
            r"services.shop.slos\[1\].objective is missing",
        ),
        (
            '[services.shop]\nurl = "http://a"\nslos = [{kind = "availability", objective = 99.9, target = 3}]',
            "has the key 'target'; accepted are kind, objective",
        ),
        (
            (
                '[services.shop]\nurl = "http://a"\n'
                'slos = [{kind = "availability", objective = 99}, {kind = "availability", objective = 99.9}]'
            ),
            "two objectives named 'availability'",
        ),
        ('boards = "nowhere"', "boards is 'nowhere'; use JSON of boards that is there"),
        ("env = {A = 1}", "env is a dict that is not accepted; use a table of texts"),
        (
            '[services.shop]\ncommand = "a"\nport = [1, "2"]',
            "services.shop.port is .*use a whole number from 1",
        ),
        (
            '[services.shop]\ncommand = "a {port:mail}"\nport = 1',
            "services.shop.command has {port:mail}; services of this file with a port are shop",
        ),
        (
            '[services.a]\ncommand = "a"\nport = 1\n[services.b]\ncommand = "b"\nport = [2, 1]',
            "services.b.port has 1, which a has too; give it another",
        ),
        (
            '[services.shop]\ncommand = "a"\nport = [1, 2]\n[services.shop-2]\ncommand = "b"',
            "the services shop and shop-2 both have a process named shop-2",
        ),
        (
            '[services.shop]\ncommand = "a"\nenv = {BIND = ":{port}"}',
            "services.shop.port is missing; env has {port}",
        ),
        (
            'rules = ["rules/*.yaml"]\n[services.shop]\nurl = "http://a"',
            "rules is 'rules/\\*.yaml'; use rule files",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_key_value_and_what_is_accepted(write, text, says):
    with pytest.raises(ConfigError, match=says.replace("[1]:", r"\[1\]:").replace("[]", r"\[\]")) as caught:
        stack.load_project(write(text))
    assert "obskit.toml" in str(caught.value)


def test_a_key_with_a_slip_is_named_with_what_was_meant(write):
    with pytest.raises(ConfigError, match="Did you mean 'command'"):
        stack.load_project(write('[services.shop]\ncomand = "a"'))


def test_values_of_the_environment_are_never_shown(write):
    with pytest.raises(ConfigError) as caught:
        stack.load_project(write('[services.shop]\ncommand = "a"\nenv = {TOKEN = "s3cret", N = 3}'))
    assert "s3cret" not in str(caught.value)
    (service,) = stack.load_project(
        write('[services.shop]\ncommand = "a"\nenv = {TOKEN = "s3cret"}')
    ).services
    assert service.env == {"TOKEN": "s3cret"}
    assert "s3cret" not in repr(service)


@pytest.mark.parametrize("given", ["shop", "shop=", "=http://a", "shop=a:80", "Shop=http://a"])
def test_attach_is_refused_with_its_form(given):
    with pytest.raises(ConfigError, match=f"--attach {given!r} is not accepted; use "):
        stack.attached(given)


def test_samples_run_only_where_there_is_no_service_unless_it_is_said(write):
    alone, mine = stack.Project(), stack.load_project(write(GOOD))

    assert alone.has_samples
    assert not mine.has_samples
    assert not alone.joined([stack.attached("shop=http://a")]).has_samples
    assert mine.joined([], samples=True).has_samples
    assert not alone.joined([], samples=False).has_samples


def test_an_attached_service_replaces_the_one_of_its_name(write):
    project = stack.load_project(write(GOOD)).joined([stack.attached("shop=http://other")])

    assert {one.name: one.addresses for one in project.services}["shop"] == ("http://other",)
    assert len(project.services) == 2


def test_an_attached_service_with_the_name_of_a_replica_is_refused(write):
    project = stack.load_project(write('[services.shop]\ncommand = "a"\nport = [1, 2]'))

    with pytest.raises(ConfigError, match="the services shop and shop-2 both have a process named shop-2"):
        project.joined([stack.attached("shop-2=http://a")])


def test_every_key_is_in_the_page_of_the_stack(write):
    text = (Path(__file__).parents[2] / "obskit" / "stack" / "README.md").read_text()
    for wrong in ("no-such-key = 1", "[services.shop]\nno-such-key = 1"):
        with pytest.raises(ConfigError) as caught:
            stack.load_project(write(wrong))
        accepted = str(caught.value).partition("accepted are ")[2].partition(".")[0].split(", ")
        assert len(accepted) > 2
        assert [key for key in accepted if f"| `{key}` |" not in text] == []


def test_the_example_of_the_page_is_accepted(write, tmp_path):
    text = (Path(__file__).parents[2] / "obskit" / "stack" / "README.md").read_text()
    example = text.partition("```toml\n")[2].partition("```")[0]

    assert [one.name for one in stack.load_project(write(example)).services] == ["shop", "billing"]

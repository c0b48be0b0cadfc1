import pytest

from obskit._mixin import Mixin, load_mixin
from obskit.errors import ConfigError

OWN = Mixin(service_label="service", environment_label="env", slow_s=1.0)


@pytest.mark.parametrize(
    ("expr", "mixed"),
    [
        (
            'sum by (service_name) (rate(x{service_name="a"}[5m]))',
            'sum by (service, env) (rate(x{service="a"}[5m]))',
        ),
        ("a / on (service_name, slo) b", "a / on (service, slo, env) b"),
        ("sum by (le) (x)", "sum by (le) (x)"),
        ('x{text="service_name is a name"}', 'x{text="service_name is a name"}'),
        ('label_replace(x, "service_name", "a", "", "")', 'label_replace(x, "service", "a", "", "")'),
        ('x_bucket{le="0.5"}', 'x_bucket{le="1.0"}'),
        ("my_service_name_total", "my_service_name_total"),
    ],
)
def test_rules_get_the_labels_and_the_bound(expr, mixed):
    assert OWN.promql(expr) == mixed


def test_boards_choose_by_environment_what_they_choose_by_service():
    assert OWN.board_promql('sum(x{service_name=~"$service", a="b"})') == (
        'sum(x{service=~"$service", env=~"$environment", a="b"})'
    )


def test_templates_name_the_label():
    text = (
        "{{ $labels.service_name }} {{ .GroupLabels.service_name }} {{ with query \"x{service_name='a'}\" }}"
    )

    assert OWN.template(text) == (
        "{{ $labels.service }} {{ .GroupLabels.service }} {{ with query \"x{service='a'}\" }}"
    )


def test_without_a_configuration_nothing_changes():
    expr = 'sum by (service_name) (rate(x{service_name=~"$service", le="0.5"}[5m]))'

    assert Mixin().board_promql(expr) == expr
    assert Mixin().promql(expr) == expr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", r"has no table \[mixin\]"),
        ("[mixin]\nservce_label = 'x'", "the key 'servce_label'"),
        ("[mixin]\nservice_label = 'a-b'", "use a label of Prometheus"),
        ("[mixin]\nservice_label = 3", "use a text"),
        ("[mixin]\nslow_s = 'fast'", "use a number of seconds"),
        ("[mixin]\nbuckets = [0.1, 0.3]\nslow_s = 0.5", "no bound of mixin.buckets"),
        ("[mixin]\nbuckets = ['a']", "use a number over 0"),
        ("[mixin.objectives]\n'a.b' = -1", "use a number over 0"),
        ("[mixin", "cannot be read as TOML"),
    ],
)
def test_what_is_not_accepted_is_named(tmp_path, table, said):
    (tmp_path / "obskit.toml").write_text(table)

    with pytest.raises(ConfigError, match=said):
        load_mixin(tmp_path / "obskit.toml")


def test_a_pyproject_has_it_below_tool(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.obskit.mixin]\nservice_label = 'app'\n")

    assert load_mixin(tmp_path / "pyproject.toml").service_label == "app"

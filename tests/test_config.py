"""Settings: what wins, what is refused and how it is said."""

import pytest

import obskit
from obskit.config import SETTINGS, Arguments, Settings


def load(environ=None, **arguments):
    return Settings.load(arguments, environ or {})


def test_argument_wins_over_variable_and_variable_over_default():
    environ = {"OTEL_SERVICE_NAME": "from-variable"}
    assert load(environ, service="from-argument").service == "from-argument"
    assert load(environ).service == "from-variable"
    assert load().service == "unknown_service"


def test_empty_variable_counts_as_unset():
    assert load({"OTEL_SERVICE_NAME": ""}).service == "unknown_service"


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [
        ("OBSKIT_LOG_LEVEL", "verbos", "debug, info, warning, error or critical"),
        ("OBSKIT_LOG_FORMAT", "xml", "auto, json, console or none"),
        ("OBSKIT_SHUTDOWN_S", "-1", "a number of seconds, 0 or more"),
        ("OBSKIT_SHUTDOWN_S", "nan", "a number of seconds, 0 or more"),
        ("OBSKIT_MAX_SERIES", "0", "a whole number of series, 1 or more"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http://127.0.0.1:4318"),
        ("OTEL_TRACES_EXPORTER", "jaeger", "auto, otlp or none"),
    ],
)
def test_bad_value_is_refused_with_value_and_what_is_accepted(variable, value, accepted):
    with pytest.raises(obskit.ConfigError) as refused:
        load({variable: value})
    assert variable in str(refused.value)
    assert value in str(refused.value)
    assert accepted in str(refused.value)


def test_secret_of_a_bad_header_setting_is_not_shown():
    with pytest.raises(obskit.ConfigError) as refused:
        load({"OTEL_EXPORTER_OTLP_HEADERS": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_headers_are_parsed_and_not_in_the_repr():
    settings = load({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20hunter2,x=1"})
    assert settings.otlp_headers == {"authorization": "Bearer hunter2", "x": "1"}
    assert "hunter2" not in repr(settings)


def test_unknown_argument_names_the_settings():
    with pytest.raises(obskit.ConfigError, match=r"'servise'.*service, version"):
        load(servise="orders")


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "http://127.0.0.1:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x"}, "http://c/x"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_where_spans_go(environ, url):
    assert load(environ).traces_url == url


def test_arguments_of_init_are_the_settings():
    assert set(Arguments.__annotations__) == {setting.name for setting in SETTINGS}


def test_second_init_with_other_arguments_is_refused_by_name(captured):
    assert obskit.init() is captured.telemetry
    with pytest.raises(obskit.ConfigError, match="another service"):
        obskit.init(service="other", version="1", log_format="none")

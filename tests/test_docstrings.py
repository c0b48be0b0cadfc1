"""Docstrings of what users call: parameters, units and errors, in Google style."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import obskit
import obskit.testing
import obskit.testing.acceptance

ROOT = Path(__file__).parent.parent
UNITS = {"_s": "second", "_ms": "millisecond", "_ns": "nanosecond", "_bytes": "byte"}


def documented():
    """Every function and public method that users reach, by the name they type."""
    for package in (obskit, obskit.testing, obskit.testing.acceptance):
        for name in package.__all__:
            found = getattr(package, name)
            where = f"{package.__name__}.{name}"
            if inspect.isclass(found):
                yield from methods(where, found)
            elif inspect.isfunction(found):
                yield pytest.param(found, id=where)


def methods(where, kind):
    for name, found in vars(kind).items():
        function = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
        if not name.startswith("_") and inspect.isfunction(function):
            yield pytest.param(function, id=f"{where}.{name}")


def parts(function):
    """The docstring, the parameters, and what its own statements raise."""
    source = inspect.unwrap(function)
    (tree,) = ast.parse(inspect.cleandoc("\n" + dedented(source))).body
    arguments = tree.args
    given = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    names = [each.arg for each in given if each is not None and each.arg not in {"self", "cls"}]
    raised = {
        node.exc.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }
    return inspect.getdoc(function) or "", names, raised


def dedented(function):
    lines = inspect.getsource(function).splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)


@pytest.mark.parametrize("function", list(documented()))
def test_every_parameter_is_named_in_the_docstring(function):
    text, names, _ = parts(function)

    assert text, "no docstring"
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert not missing


@pytest.mark.parametrize("function", list(documented()))
def test_units_of_parameters_are_said(function):
    text, names, _ = parts(function)

    for name in names:
        for suffix, unit in UNITS.items():
            assert not name.endswith(suffix) or unit in text.lower(), f"{name}: {unit}s"


@pytest.mark.parametrize("function", list(documented()))
def test_what_is_raised_is_in_the_section_raises(function):
    text, _, raised = parts(function)

    section = text.partition("Raises:\n")[2]
    assert not [name for name in raised if not re.search(rf"^\s+{name}: \S", section, re.MULTILINE)]


def test_a_function_that_lacks_them_would_be_seen():
    def lacking(timeout_s):
        """Wait."""
        raise ValueError(timeout_s)

    text, names, raised = parts(lacking)

    assert (text, names, raised) == ("Wait.", ["timeout_s"], {"ValueError"})


def test_every_public_name_is_exercised_for_the_type_checker():
    text = (ROOT / "tests" / "typing" / "api.py").read_text()

    assert not [name for name in obskit.__all__ if f"obskit.{name}" not in text]


def test_every_public_name_for_tests_is_exercised_for_the_type_checker():
    text = (ROOT / "tests" / "typing" / "testing.py").read_text()

    assert not [name for name in obskit.testing.__all__ if f"testing.{name}" not in text]

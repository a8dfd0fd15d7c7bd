"""Error messages for user modules that cannot be used."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toolsets
from toolsets import ToolsetError

Write = Callable[[str], Path]
HOSTILE = "tests.toolsets.hostile"


@pytest.fixture
def write(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Write]:
    """Write the module `own_tools` into a folder on the module path."""

    def module(source: str) -> Path:
        file = tmp_path / "own_tools.py"
        file.write_text(source)
        return file

    sys.path.insert(0, str(tmp_path))
    yield module
    sys.path.remove(str(tmp_path))
    sys.modules.pop("own_tools", None)


def error_message(name: str) -> str:
    with pytest.raises(ToolsetError) as caught:
        toolsets.load(name)
    return str(caught.value).removeprefix(f"toolset {name!r}: ")


def test_a_missing_module() -> None:
    assert error_message("no_such_module:toolset") == (
        "module no_such_module fails to import: No module named 'no_such_module'; run from its "
        "folder, or add that folder to PYTHONPATH"
    )


def test_a_module_in_a_missing_package() -> None:
    assert "No module named 'no_such'; run from" in error_message("no_such.module:toolset")


def test_a_module_that_imports_a_missing_library(write: Write) -> None:
    write("import no_such_library\n")
    assert error_message("own_tools:toolset") == (
        "module own_tools fails to import: No module named 'no_such_library'"
    )


def test_a_module_with_a_syntax_error(write: Write) -> None:
    write("def f(:\n")
    assert error_message("own_tools:toolset") == (
        "module own_tools fails to import: invalid syntax (own_tools.py, line 1)"
    )


def test_a_module_that_raises(write: Write) -> None:
    file = write("import json\ndef read():\n    return json.loads('{')\n\nTABLE = read()\n")
    reason = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert error_message("own_tools:toolset") == (
        f"module own_tools fails to import: JSONDecodeError: {reason} ({file}, line 3)"
    )


def test_a_module_that_exits_the_program(write: Write) -> None:
    file = write("import sys\n\nsys.exit(0)\n")
    assert error_message("own_tools:toolset") == (
        f"module own_tools fails to import: it exits the program ({file}, line 3); "
        "guard that with if __name__ == '__main__'"
    )


def test_a_function_that_cannot_be_a_tool(write: Write) -> None:
    file = write(
        "from toolsets import Toolset, tool\n@tool\ndef double(a):\n    '''Double a number.'''\n"
    )
    assert error_message("own_tools:toolset") == (
        f"{file}: function double has no type for parameter a; annotate it"
    )


def test_a_module_without_a_toolset(write: Write) -> None:
    write(
        "from toolsets import tool\n"
        "@tool\ndef double(a: int) -> int:\n    '''Double a number.'''\n    return 2 * a\n"
    )
    assert error_message("own_tools:toolset") == (
        "own_tools.toolset is not a Toolset; "
        'add to the module: toolset = Toolset("own_tools:toolset", (double,))'
    )


def test_a_module_without_tools(write: Write) -> None:
    write("")
    assert error_message("own_tools:toolset") == (
        "own_tools.toolset is not a Toolset; "
        'add to the module: toolset = Toolset("own_tools:toolset", (my_function,))'
    )


@pytest.mark.parametrize("attribute", ["echo", "nothing"])
def test_an_attribute_that_is_not_a_toolset(attribute: str) -> None:
    assert error_message(f"{HOSTILE}:{attribute}") == (
        f"{HOSTILE}.{attribute} is not a Toolset; it has {HOSTILE}:toolset"
    )

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from toolsets.__main__ import main

HOSTILE = "tests.toolsets.hostile:toolset"
STATEFUL = "tests.toolsets.tools.test_running:toolset"
Capture = pytest.CaptureFixture[str]


def test_list_names_every_function(capsys: Capture) -> None:
    assert main(["list"]) == 0
    assert "arithmetic: add, subtract, multiply, divide, " in capsys.readouterr().out


def test_list_as_json(capsys: Capture) -> None:
    assert main(["list", "--json"]) == 0
    functions = json.loads(capsys.readouterr().out)["toolsets"]["arithmetic"]
    assert functions[:2] == ["add", "subtract"]


def test_describe_prints_what_the_model_reads(capsys: Capture) -> None:
    assert main(["describe", "arithmetic[add]"]) == 0
    line = "add(a: number, b: number) - Add two numbers. Example: add(a=2, b=3)\n"
    assert capsys.readouterr().out == line


def test_describe_as_json(capsys: Capture) -> None:
    assert main(["describe", "arithmetic[add]", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["name"] == "arithmetic[add]"
    (add,) = described["tools"]
    assert add["signature"] == "add(a: number, b: number)"
    assert add["parameters"]["required"] == ["a", "b"]


def test_call_prints_the_result() -> None:
    command = [sys.executable, "-m", "toolsets", "call", "arithmetic", "divide(a=10, b=3)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3.33333333333333\n", "")


def test_call_as_json(capsys: Capture) -> None:
    assert main(["call", "arithmetic", "add(2, 3)", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "content": "5", "error_kind": None}


def test_a_failed_function_exits_with_code_1(capsys: Capture) -> None:
    assert main(["call", "arithmetic", "divide(a=1, b=0)"]) == 1
    assert capsys.readouterr() == ("", "divide: b must not be 0\n")


def test_a_failed_function_as_json(capsys: Capture) -> None:
    assert main(["call", HOSTILE, "exit_process(status=0)", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result == {
        "ok": False,
        "content": "exit_process: the function ended its process",
        "error_kind": "function_error",
    }


def test_calls_of_one_command_are_one_chain(capsys: Capture) -> None:
    assert main(["call", STATEFUL, "put('a', 1)", "recall('a')", "--json"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    state = {"a": 1}
    assert first == {"ok": True, "content": "a is kept", "error_kind": None, "state": state}
    assert second == {"ok": True, "content": "1", "error_kind": None, "state": state}


def test_calls_after_a_failure_are_not_executed(capsys: Capture) -> None:
    assert main(["call", "arithmetic", "add(1, 2)", "divide(1, 0)", "add(2, 3)"]) == 1
    assert capsys.readouterr() == ("3\n", "divide: b must not be 0\n")


def test_a_users_toolset_is_loaded_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "my_tools.py").write_text(
        "from toolsets import Toolset, tool\n"
        "@tool\n"
        "def double(a: int) -> int:\n"
        "    '''Double a number.'''\n"
        "    return 2 * a\n"
        "toolset = Toolset('my_tools:toolset', (double,))\n"
    )
    for command, out in (
        (["describe", "my_tools:toolset"], "double(a: integer) - Double a number.\n"),
        (["call", "my_tools:toolset", "double(a=4)"], "8\n"),
        (["call", "my_tools:toolset[double as twice]+arithmetic[add]", "twice(a=4)"], "8\n"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "toolsets", *command],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, out, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["describe", "nothing"], "toolset 'nothing' does not exist"),
        (["call", "nothing", "add(a=2, b=3)"], "toolset 'nothing' does not exist"),
        (["mcp", "nothing"], "toolset 'nothing' does not exist"),
        (["describe", "no_such_module:toolset"], "toolset 'no_such_module:toolset': module no_su"),
        (["call", "arithmetic", "add(1, 2)", "ad(1, 2)"], "There is no function ad."),
        (["call", "arithmetic", "add(a=2"], "The reply is not a call."),
        (["call", "arithmetic", "ad(a=2)"], "There is no function ad. Did you mean add?"),
        (["call", "arithmetic", "add(a=2)", "--json"], "add: argument b is missing."),
    ],
)
def test_an_invalid_request_prints_one_sentence_and_exits_with_code_2(
    capsys: Capture, arguments: list[str], sentence: str
) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(sentence)
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["dance"], ["call", "arithmetic"]])
def test_an_unknown_command_exits_with_code_2(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m toolsets")

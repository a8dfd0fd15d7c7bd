"""The commands that README.md and docs/functions.md show, with their output."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = "$ python -m toolsets "
CUT = "…"  # at the end of a line: the rest is left out


@pytest.mark.parametrize("page", ["README.md", "docs/functions.md"])
def test_documented_commands_print_the_documented_output(page: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / page).read_text())
    modules = [text for kind, text in blocks if kind == "python" and '"my_tools:toolset"' in text]
    examples = [example for _, text in blocks for example in _commands(text)]
    assert len(modules) == 1
    assert examples
    (tmp_path / "my_tools.py").write_text(modules[0])
    for command, documented in examples:
        done = subprocess.run(
            [sys.executable, "-m", "toolsets", *shlex.split(command)],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), command
        printed = done.stdout.splitlines()
        assert len(printed) == len(documented), command
        for line, expected in zip(printed, documented, strict=True):
            if expected.endswith(CUT):
                assert line.startswith(expected.removesuffix(CUT)), command
            else:
                assert line == expected, command


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each toolsets command of a block, with the lines below it."""
    for part in text.split(PROMPT)[1:]:
        command, *output = part.splitlines()
        yield command, output

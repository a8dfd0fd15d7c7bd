"""The student's deployment without an engine; `test_up` tests it with one."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import ROOT


def test_the_application_is_built_without_loading_an_engine() -> None:
    """The other deployments and the command line import the student's class but never run it."""
    script = (
        "import json, sys, serving.app\n"
        "print(json.dumps([name for name in ('vllm', 'torch') if name in sys.modules]))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == []

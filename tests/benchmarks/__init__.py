"""The benchmarks: `make bench`, `make bench ONLY=name`.

Each benchmark is a function without arguments that returns a Result, imported only when it runs.
Ratios are ours / baseline, from rates measured alternately on the same machine.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tests.conftest import ROOT

BENCHMARKS: Mapping[str, str] = MappingProxyType(
    {
        "rollout_vs_ceiling": "tests.benchmarks.rollouts:versus_ceiling",
        "rollout_vs_turn_synchronous": "tests.benchmarks.rollouts:versus_turn_synchronous",
        "rollout_vs_sequential": "tests.benchmarks.rollouts:versus_sequential",
        "prefix_cache_vs_possible": "tests.benchmarks.rollouts:prefix_cache_vs_possible",
        "scale_64_actors_efficiency": "tests.benchmarks.scale:sixty_four_actors",
        "executor_vs_process_per_call": "tests.benchmarks.executor:versus_process_per_call",
        "executor_calls_per_second": "tests.benchmarks.executor:calls_per_second",
        "dpo_vs_trl": "tests.benchmarks.dpo:versus_trl",
        "dpo_prefix_sharing_vs_trl": "tests.benchmarks.dpo:prefix_sharing_versus_trl",
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """A measurement: `value` is the median of `n` repetitions, compared with `baseline`."""

    value: float
    unit: str
    baseline: str
    n: int
    detail: dict[str, Any]


def find(place: str) -> Callable[[], Result]:
    """The benchmark at module:function."""
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


def run_in_process(module: str, *arguments: str, **env: str) -> Any:
    """Run `python -m module` and parse its last line as JSON; raises RuntimeError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed: {done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def log(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)

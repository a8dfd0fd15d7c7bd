"""`python -m tests.benchmarks [NAME …]`: one JSON object per line on standard output.

Progress is printed to standard error.

Exit codes: 0 done; 1 a benchmark failed; 2 unknown benchmark.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import TextIO

from tests.benchmarks import BENCHMARKS, find, log


def main(names: Sequence[str], benchmarks: Mapping[str, str] = BENCHMARKS) -> int:
    """Run the benchmarks `names`, or all of them if empty."""
    for name in names:
        if name not in benchmarks:
            near = get_close_matches(name, benchmarks, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            log(f"unknown benchmark {name!r}{hint} (known: {', '.join(benchmarks)})")
            return 2
    with _lines() as lines:
        for name in names or benchmarks:
            log(f"{name}:")
            result = find(benchmarks[name])()
            print(json.dumps({"benchmark": name, **asdict(result)}), file=lines, flush=True)
    return 0


def _lines() -> TextIO:
    """The real standard output; prints of libraries and child processes go to standard error."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

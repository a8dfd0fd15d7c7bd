"""The results of several runs side by side; only of runs on the same problems."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.evaluation.metrics import problems_digest
from pipeline.evaluation.report import accuracy_text, label, ordered
from pipeline.run_dir import RunDir

SPLITS = ("test", "ood")
Models = Mapping[str, Mapping[str, Mapping[str, Any]]]


def results(run_dirs: Sequence[Path]) -> dict[str, Models]:
    """The models of each run's metrics.json, by run.

    Raises CannotStart if a run was not evaluated, or two runs on other problems.
    """
    found: dict[str, Models] = {}
    for path in run_dirs:
        metrics = RunDir(path).evaluation / "metrics.json"
        if not metrics.is_file():
            raise CannotStart(f"{metrics} does not exist; {path} was not evaluated")
        found[str(path)] = json.loads(metrics.read_text())["models"]
    for first, second in itertools.combinations(found, 2):
        for split in SPLITS:
            _refuse_others(split, first, second, found)
    return found


def side_by_side(found: Mapping[str, Models]) -> Table:
    """A row for each run and split: accuracy, interval and n of each model."""
    names = ordered({name for models in found.values() for name in models})
    table = Table("run", "split", *map(label, names))
    for path, models in found.items():
        for split in SPLITS:
            cells = [models.get(name, {}).get(split) for name in names]
            if any(cells):
                table.add_row(path, split, *map(_text, cells))
    return table


def _text(cell: Mapping[str, Any] | None) -> str:
    return f"{accuracy_text(cell)}  n={cell['n']:,}" if cell else "-"


def _refuse_others(split: str, first: str, second: str, found: Mapping[str, Models]) -> None:
    digests = [_digests(Path(path), split, found[path]) for path in (first, second)]
    if all(digests) and len(set.union(*digests)) > 1:
        raise CannotStart(
            f"{first} and {second} were evaluated on different problems of split {split}, so their "
            "accuracies do not compare; evaluate both on the same problems (problems.path, "
            "evaluate.limit, seed)"
        )


def _digests(path: Path, split: str, models: Models) -> set[str]:
    """Digests of the problems of a split; empty if it was not evaluated. Earlier runs have none in
    metrics.json, so their chains are read."""
    cells = [splits[split] for splits in models.values() if split in splits]
    if all("problems_digest" in cell for cell in cells):
        return {cell["problems_digest"] for cell in cells}
    rows = tables.rows(RunDir(path).evaluation, ["problem"])
    own = [row for row in rows if row["problem"]["split"] == split]
    return {problems_digest(own)} if own else set()

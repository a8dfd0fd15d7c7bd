"""The rows that a training stage learns from: as tokens, none too long, whole batches of them.

Not here: what of a row is trained on (`pipeline.agent.loss_masks`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.agent.loss_masks import encode
from pipeline.agent.transcript import ChatTemplate
from pipeline.recipe.training import Train

Encoded = dict[str, list[int]]


@dataclass(slots=True)
class Prepared:
    """Rows as tokens: to train on, and to measure on; and how many did not fit."""

    train: list[Encoded] = field(default_factory=list)
    heldout: list[Encoded] = field(default_factory=list)
    too_long: int = 0  # dropped
    cut: int = 0

    def facts(self) -> dict[str, int]:
        """Counts for run.json."""
        facts = {"rows": len(self.train), "too_long": self.too_long}
        return facts | {"cut": self.cut, "heldout": len(self.heldout)}


def prepare(
    rows: Iterable[Mapping[str, Any]],
    encode_row: Callable[[Mapping[str, Any]], Encoded],
    template: ChatTemplate,
    settings: Train,
    seed: int,
) -> Prepared:
    """Rows as tokens: cut or dropped where too long, those of held-out problems set apart."""
    prepared = Prepared()
    for row in rows:
        encoded = encode_row(row)
        over = tokens_of(encoded) - settings.max_tokens
        if over > 0:
            if settings.too_long == "drop" or over >= prompt_length(row, template):
                prepared.too_long += 1
                continue
            encoded = cut_start(encoded, over)
            prepared.cut += 1
        held = is_held_out(row["problem_id"], settings.heldout_pairs, seed)
        (prepared.heldout if held else prepared.train).append(encoded)
    return prepared


def tokens_of(row: Encoded) -> int:
    """How many tokens an encoded row has, in its longer side where it is a pair."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def prompt_length(row: Mapping[str, Any], template: ChatTemplate) -> int:
    """How many tokens stand before the first thing that the model wrote in a row's prompt."""
    prompt = encode(row["prompt"], template)
    return next((i for i, written in enumerate(prompt.written) if written), len(prompt.token_ids))


def cut_start(row: Encoded, count: int) -> Encoded:
    """A row without the first `count` tokens of its prompt."""
    whole = ("prompt_ids", "input_ids", "labels")
    return {name: ids[count:] if name in whole else ids for name, ids in row.items()}


def is_held_out(problem_id: str, share: float, seed: int) -> bool:
    """Whether a problem's rows are only measured on; the same in every stage of a run."""
    digest = hashlib.sha256(f"{seed} {problem_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def filled(rows: Sequence[Encoded], batch_size: int) -> list[Encoded]:
    """Rows in whole batches, the first ones again at the end, so that a step is the same
    whatever the number of workers."""
    missing = -len(rows) % batch_size
    return [*rows, *(rows[index % len(rows)] for index in range(missing))]


def store(prepared: Prepared, out: Path, batch_size: int) -> None:
    """Write rows to the folder of a stage, and data.json with their counts.

    On disk, because TRL keeps the reference's log-probabilities beside the data set, where every
    worker must find them.
    """
    from datasets import Dataset

    for name, rows in _folders(prepared, out, batch_size).items():
        shutil.rmtree(name, ignore_errors=True)
        if rows:
            Dataset.from_list(rows).save_to_disk(name)
    (out / "data.json").write_text(json.dumps(prepared.facts()))


def stored(out: Path) -> tuple[Any, Any]:
    """The data sets of `store`: to train on, and to measure on (None where nothing is)."""
    from datasets import load_from_disk

    heldout = out / "heldout"
    return (
        load_from_disk(str(out / "tokens")),
        load_from_disk(str(heldout)) if heldout.is_dir() else None,
    )


def _folders(prepared: Prepared, out: Path, batch_size: int) -> dict[Path, list[Encoded]]:
    kinds = {"tokens": prepared.train, "heldout": prepared.heldout}
    return {out / name: filled(rows, batch_size) for name, rows in kinds.items()}

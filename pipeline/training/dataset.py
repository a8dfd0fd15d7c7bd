"""The training data of a stage: tokenized rows, limited in length, in whole batches.

Not here: loss masks (`pipeline.agent.loss_masks`).
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
    """Tokenized rows for training and evaluation, and counts of rows dropped or cut."""

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
    groups: Mapping[str, str] | None = None,
) -> Prepared:
    """Tokenize rows, cut or drop those that are too long, and split off held-out problems; those of
    one of the `groups`, by problem id, together."""
    groups = groups or {}
    prepared = Prepared()
    for row in rows:
        encoded = encode_row(row)
        excess = tokens_of(encoded) - settings.max_tokens
        if excess > 0:
            if settings.too_long == "drop" or excess >= prompt_length(row, template):
                prepared.too_long += 1
                continue
            encoded = cut_start(encoded, excess)
            prepared.cut += 1
        name: str = row["problem_id"]
        heldout = is_held_out(groups.get(name, name), settings.heldout_pairs, seed)
        (prepared.heldout if heldout else prepared.train).append(encoded)
    return prepared


def tokens_of(row: Encoded) -> int:
    """The number of tokens of an encoded row; of a pair, prompt and longer side."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def prompt_length(row: Mapping[str, Any], template: ChatTemplate) -> int:
    """The number of tokens in a row's prompt before the first model-written token."""
    prompt = encode(row["prompt"], template)
    return next((i for i, written in enumerate(prompt.written) if written), len(prompt.token_ids))


def cut_start(row: Encoded, count: int) -> Encoded:
    """Remove the first `count` tokens of a row's prompt."""
    with_prompt = ("prompt_ids", "input_ids", "labels")
    return {name: ids[count:] if name in with_prompt else ids for name, ids in row.items()}


def is_held_out(name: str, share: float, seed: int) -> bool:
    """Whether a problem, or the group `name`, is held out from training; the same in every stage of
    a run."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def fill_batches(rows: Sequence[Encoded], batch_size: int) -> list[Encoded]:
    """Repeat the first rows at the end to fill the last batch, so that steps are the same for any
    number of workers."""
    missing = -len(rows) % batch_size
    return [*rows, *(rows[index % len(rows)] for index in range(missing))]


def store(prepared: Prepared, out: Path, batch_size: int) -> None:
    """Write rows to the folder of a stage, and data.json with their counts. Only rows for training
    fill whole batches; each held-out row is stored, and so measured, once.

    The rows are on disk because TRL stores the reference's log-probabilities beside the data set,
    where every worker reads them.
    """
    from datasets import Dataset

    for name, rows in _folders(prepared, out, batch_size).items():
        shutil.rmtree(name, ignore_errors=True)
        if rows:
            Dataset.from_list(rows).save_to_disk(name)
    (out / "data.json").write_text(json.dumps(prepared.facts()))


def load_stored(out: Path) -> tuple[Any, Any]:
    """Load the data sets of `store`: for training, and for evaluation (None if there is none)."""
    from datasets import load_from_disk

    heldout = out / "heldout"
    return (
        load_from_disk(str(out / "tokens")),
        load_from_disk(str(heldout)) if heldout.is_dir() else None,
    )


def _folders(prepared: Prepared, out: Path, batch_size: int) -> dict[Path, list[Encoded]]:
    filled = fill_batches(prepared.train, batch_size)
    return {out / "tokens": filled, out / "heldout": prepared.heldout}

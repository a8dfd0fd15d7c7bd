"""Chains and pairs in the terminal, coloured.

show RUN_DIR                    the chains, one line each
show RUN_DIR CHAIN_ID           one chain
show RUN_DIR --mask             the first pair, its trained tokens coloured
show RUN_DIR CHAIN_ID --mask    the same for the first pair of that chain
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline import tables
from pipeline.agent.loss_masks import encode_pair
from pipeline.agent.transcript import ChatTemplate
from pipeline.errors import CannotStart
from pipeline.run_dir import RunDir

SHOWN = 20  # chains listed at most
STYLES = {"system": "dim", "user": "cyan", "tool": "cyan", "assistant": "bold"}
COLUMNS = ("task_id", "problem", "stop_reason", "answer", "correct", "failure", "calls")


def list_chains(run: RunDir, console: Console) -> None:
    """Print the first chains of a run, one line each, training chains before evaluated ones."""
    total = itertools.count()
    counted = (row for row, _ in zip(_chains(run, COLUMNS), total, strict=False))
    for row in heapq.nsmallest(SHOWN, counted, key=_sort_key):
        console.print(_line(row), soft_wrap=True)
    if (more := next(total) - SHOWN) > 0:
        text = f"... {more:,} more; python -m pipeline show {run.path} CHAIN_ID"
        console.print(Text(text), soft_wrap=True)


def _sort_key(row: dict[str, Any]) -> tuple[bool, str]:
    return row["problem"]["split"] != "train", row["task_id"]


def _line(row: dict[str, Any]) -> Text:
    mark = {True: ("correct", "green"), False: ("incorrect", "red"), None: ("error", "yellow")}
    word, style = mark[row["correct"]]
    line = Text(f"{word:<9}  ", style)
    line.append(row["task_id"], "bold")
    line.append(f"  {row['calls']} calls  answer {row['answer']}")
    line.append(f"  expected {row['problem']['answer']}  {row['failure'] or ''}")
    return line


def chain_row(run: RunDir, chain_id: str) -> dict[str, Any]:
    """The row of one chain; raises CannotStart if no chain has this id."""
    for row in _chains(run):
        if row["task_id"] == chain_id:
            return row
    raise CannotStart(f"no chain {chain_id!r} in {run.chains} or {run.evaluation}")


def show_chain(row: dict[str, Any], console: Console) -> None:
    """Print one chain: its question, each call with its result, and the verdict."""
    console.print(Text(row["problem"]["question"], STYLES["user"]))
    for step in row["steps"]:
        console.print(Text(f"  {step['reply']}", STYLES["assistant"]), soft_wrap=True)
        for each in step.get("parallel") or ([step] if step["result"] else []):
            style = "green" if each["result"]["ok"] else "red"
            console.print(Text(f"    -> {each['result']['content']}", style), soft_wrap=True)
    verdict = {True: "correct", False: f"incorrect ({row['failure']})", None: "no verdict"}
    expected = row["problem"]["answer"]
    line = f"{verdict[row['correct']]}: answered {row['answer']}, expected {expected}"
    console.print(Text(line), soft_wrap=True)  # Text: brackets in an answer are not markup


def mask_pieces(run: RunDir, tokenizer: Any, chain_id: str | None = None) -> dict[str, Any]:
    """A pair as text: the prompt, and the pieces of each side, marked as trained or not.

    It is the first pair of the run, or the first of the chain `chain_id`; `pair_count` counts the
    pairs to choose from. Raises CannotStart if there is none.
    """
    pairs = _pairs(run, chain_id)
    row = next(pairs, None)
    if row is None and chain_id is not None:
        chain_row(run, chain_id)  # raises if no chain has this id
        raise CannotStart(f"no pair of {run.path} was built from chain {chain_id}")
    if row is None:
        raise CannotStart(f"{run.pairs} holds no pairs; run pairs first")
    tools = row["tools"] and json.loads(row["tools"])
    encoded = encode_pair(row, ChatTemplate(tokenizer, tools))
    sides = {}
    for side in ("chosen", "rejected"):
        tokens = zip(encoded[f"{side}_ids"], encoded[f"{side}_mask"], strict=True)
        sides[side] = [
            {"trained": bool(mask), "text": tokenizer.decode([token for token, _ in group])}
            for mask, group in itertools.groupby(tokens, key=lambda pair: pair[1])
        ]
    names = ("pair_id", "problem_id", "strategy", "chosen_chain_id", "rejected_chain_id")
    ids = {name: row[name] for name in names}
    count = 1 + sum(1 for _ in pairs)
    prompt = tokenizer.decode(encoded["prompt_ids"])
    return ids | {"pair_count": count, "prompt": prompt} | sides


def show_mask(pieces: dict[str, Any], console: Console) -> None:
    """Print one pair, its trained tokens coloured, or in brackets if there is no colour."""
    marks = ("", "") if console.is_terminal else ("[[", "]]")
    heading = f"pair {pieces['pair_id']} of {pieces['problem_id']} ({pieces['strategy']})"
    console.print(Text(f"{heading}, 1 of {pieces['pair_count']:,}"), soft_wrap=True)
    chains = f"chosen {pieces['chosen_chain_id']}, rejected {pieces['rejected_chain_id']}"
    console.print(Text(chains), soft_wrap=True)
    console.print(Text(pieces["prompt"], "dim"), soft_wrap=True)
    for side, style in (("chosen", "black on green"), ("rejected", "black on red")):
        text = Text(f"{side}: ", "bold")
        for piece in pieces[side]:
            left, right = marks if piece["trained"] else ("", "")
            text.append(f"{left}{piece['text']}{right}", style if piece["trained"] else "dim")
        console.print(text, soft_wrap=True)
    legend = "coloured" if console.is_terminal else "between [[ and ]]"
    console.print(
        f"{legend}: trained tokens, written by the model; the rest is context", style="dim"
    )


def _pairs(run: RunDir, chain_id: str | None) -> Iterator[dict[str, Any]]:
    """The pairs of all rounds; only those of chain `chain_id`, if given."""
    for folder in (run.pairs, *sorted(run.path.glob("rounds/*/pairs"))):
        for row in tables.rows(folder):
            if chain_id in (None, row["chosen_chain_id"], row["rejected_chain_id"]):
                yield row


def _chains(run: RunDir, columns: Any = None) -> Iterator[dict[str, Any]]:
    folders = [run.chains, *sorted(run.path.glob("rounds/*/chains")), run.evaluation]
    if not any(tables.files(folder) for folder in folders):
        raise CannotStart(f"{run.path} holds no chains; is it a run directory?")
    for folder in folders:
        yield from tables.rows(folder, columns)


def run_of(path: Path) -> RunDir:
    """The run directory `path`; raises CannotStart if it is not one."""
    run = RunDir(path)
    if not run.run_json.is_file():
        raise CannotStart(f"{path} is not a run directory: it has no run.json")
    return run

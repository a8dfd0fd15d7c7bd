"""Chains and pairs in the terminal, coloured.

show RUN_DIR             the chains, a line each
show RUN_DIR CHAIN_ID    one chain, whole
show RUN_DIR --mask      one pair, the trained tokens coloured
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

SHOWN = 20  # chains that are listed
STYLES = {"system": "dim", "user": "cyan", "tool": "cyan", "assistant": "bold"}
COLUMNS = ("task_id", "problem", "stop_reason", "answer", "correct", "failure", "calls")


def list_chains(run: RunDir, console: Console) -> None:
    """The first chains of a run, a line each, those for training before those of evaluation."""
    total = itertools.count()
    counted = (row for row, _ in zip(_chains(run, COLUMNS), total, strict=False))
    for row in heapq.nsmallest(SHOWN, counted, key=_place):
        console.print(_line(row), soft_wrap=True)
    if (more := next(total) - SHOWN) > 0:
        text = f"... {more:,} more; python -m pipeline show {run.path} CHAIN_ID"
        console.print(Text(text), soft_wrap=True)


def _place(row: dict[str, Any]) -> tuple[bool, str]:
    return row["problem"]["split"] != "train", row["task_id"]


def _line(row: dict[str, Any]) -> Text:
    mark = {True: ("right", "green"), False: ("wrong", "red"), None: ("error", "yellow")}
    word, style = mark[row["correct"]]
    line = Text(f"{word}  ", style)
    line.append(row["task_id"], "bold")
    line.append(f"  {row['calls']} calls  answer {row['answer']}")
    line.append(f"  expected {row['problem']['answer']}  {row['failure'] or ''}")
    return line


def chain_row(run: RunDir, chain_id: str) -> dict[str, Any]:
    """The row of one chain; raises CannotStart where there is none."""
    for row in _chains(run):
        if row["task_id"] == chain_id:
            return row
    raise CannotStart(f"no chain {chain_id!r} in {run.chains} or {run.evaluation}")


def show_chain(row: dict[str, Any], console: Console) -> None:
    """One chain: its question, each call with its result, and the verdict."""
    console.print(Text(row["problem"]["question"], STYLES["user"]))
    for step in row["steps"]:
        console.print(Text(f"  {step['reply']}", STYLES["assistant"]), soft_wrap=True)
        if step["result"]:
            style = "green" if step["result"]["ok"] else "red"
            console.print(Text(f"    -> {step['result']['content']}", style), soft_wrap=True)
    verdict = {True: "right", False: f"wrong ({row['failure']})", None: "no verdict"}
    expected = row["problem"]["answer"]
    line = f"{verdict[row['correct']]}: answered {row['answer']}, expected {expected}"
    console.print(Text(line), soft_wrap=True)  # Text: what a model wrote is no markup


def mask_pieces(run: RunDir, tokenizer: Any) -> dict[str, Any]:
    """A pair as text: the prompt, and per side its pieces, each trained or not."""
    row = next(tables.rows(run.pairs), None)
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
    ids = {name: row[name] for name in ("pair_id", "problem_id", "strategy")}
    return ids | {"prompt": tokenizer.decode(encoded["prompt_ids"])} | sides


def show_mask(pieces: dict[str, Any], console: Console) -> None:
    """One pair, the trained tokens coloured and the rest dim; brackets where there is no colour."""
    marks = ("", "") if console.is_terminal else ("[[", "]]")
    heading = f"pair {pieces['pair_id']} of {pieces['problem_id']} ({pieces['strategy']})"
    console.print(Text(heading), soft_wrap=True)
    console.print(Text(pieces["prompt"], "dim"), soft_wrap=True)
    for side, style in (("chosen", "black on green"), ("rejected", "black on red")):
        text = Text(f"{side}: ", "bold")
        for piece in pieces[side]:
            left, right = marks if piece["trained"] else ("", "")
            text.append(f"{left}{piece['text']}{right}", style if piece["trained"] else "dim")
        console.print(text, soft_wrap=True)
    legend = "coloured" if console.is_terminal else "between [[ and ]]"
    console.print(f"{legend}: trained, written by the model; the rest: read only", style="dim")


def _chains(run: RunDir, columns: Any = None) -> Iterator[dict[str, Any]]:
    folders = [run.chains, *sorted(run.path.glob("rounds/*/chains")), run.evaluation]
    if not any(tables.files(folder) for folder in folders):
        raise CannotStart(f"{run.path} holds no chains; is it a run directory?")
    for folder in folders:
        yield from tables.rows(folder, columns)


def run_of(path: Path) -> RunDir:
    """The run directory `path`; raises CannotStart where it is none."""
    run = RunDir(path)
    if not run.run_json.is_file():
        raise CannotStart(f"{path} is not a run directory: it has no run.json")
    return run

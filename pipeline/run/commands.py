"""What the commands of `python -m pipeline` do, once their arguments are read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import toolsets
from cluster import machine
from cluster.session import ConnectError, connect
from pipeline.agent.transcript import TemplateError
from pipeline.engine import model_paths
from pipeline.errors import CannotStart
from pipeline.evaluation.report import label, ordered, print_report
from pipeline.generation.pool import refuse_too_small
from pipeline.generation.prepared import Run
from pipeline.problems.reader import (
    ProblemError,
    ProblemFile,
    read_problems,
    summarise,
    write_rejects,
)
from pipeline.problems.source import read_source
from pipeline.recipe.load import Recipe, RecipeError, shipped
from pipeline.recipe.load import load as load_recipe
from pipeline.run.preflight import check_run, unfinished
from pipeline.run.run import NEEDS_RAY, STAGES, prepare
from pipeline.run.schedule import run_all, run_stage
from pipeline.run_dir import RunDir, opened, refuse_other

OPERATOR_ERRORS = (
    CannotStart,
    RecipeError,
    ProblemError,
    TemplateError,
    toolsets.ToolsetError,
    machine.MachineError,
    ConnectError,
)
ENGINE_BASE_GIB = 1.5  # of memory that an engine takes beside its KV cache and weights, on CPU
RESULT_GIB = 0.2  # of disk that the smallest run writes


def execute(
    recipe: Recipe, run_dir: Path, name: str, root: Path, redo_errors: bool, as_json: bool
) -> int:
    """Run one stage, or all of them, and print what it came to."""
    if name == "report":
        return report(run_dir, as_json)
    stages = list(STAGES) if name == "run" else [name]
    prepared = prepare(recipe, RunDir(run_dir))  # says what is wrong before anything is made
    refuse_other(run_dir, recipe)
    _check_machine(recipe, run_dir, stages)
    check_run(prepared, stages, download=True)
    with _machines(prepared, stages, root), opened(run_dir, recipe, root) as directory:
        write_rejects(prepared.source.rejects, directory.rejects)
        if name == "run":
            run_all(prepared, redo_errors)
            return report(run_dir, as_json)
        return _stage_result(run_stage(prepared, name, redo_errors), name, as_json)


def report(run_dir: Path, as_json: bool) -> int:
    """Print a run's table."""
    directory = RunDir(run_dir)
    path = directory.evaluation / "metrics.json"
    if not path.is_file():
        raise CannotStart(f"{path} does not exist; run evaluate first")
    metrics = json.loads(path.read_text())
    if as_json:
        print(json.dumps(metrics))
    else:
        print_report(metrics, directory.read(), str(run_dir))
    return 0


def describe_problems(source: str, format: str | None, rejects: Path | None, as_json: bool) -> int:
    """Read a problem file, or the problems of a recipe; print counts, rejects and one example."""
    if source in shipped() or source.endswith((".yaml", ".yml")):
        recipe = load_recipe(source)
        found, toolset = read_source(recipe), toolsets.load(recipe.toolset)
    else:
        found, toolset = read_problems(source, format=format), toolsets.load("arithmetic")
    summary = summarise(found, toolset)
    if rejects is not None:
        write_rejects(found.rejects, rejects)
    if as_json:
        print(json.dumps(summary))
        return 0
    _print_problems(found, summary)
    return 0


def show(run_dir: Path, chain_id: str | None, mask: bool, as_json: bool) -> int:
    """Print chains, one chain, or a pair's mask."""
    from pipeline.run import show as shown

    console = Console(highlight=False)
    run = shown.run_of(run_dir)
    if mask:
        pieces = _mask_pieces(run)
        if as_json:
            print(json.dumps(pieces))
        else:
            shown.show_mask(pieces, console)
    elif chain_id is not None:
        row = shown.chain_row(run, chain_id)
        if as_json:
            print(json.dumps(row))
        else:
            shown.show_chain(row, console)
    else:
        shown.list_chains(run, console)
    return 0


def compare(run_dirs: Sequence[Path], as_json: bool) -> int:
    """Print the accuracies of several runs side by side."""
    tables = {}
    for path in run_dirs:
        metrics = RunDir(path).evaluation / "metrics.json"
        if not metrics.is_file():
            raise CannotStart(f"{metrics} does not exist; {path} was not evaluated")
        tables[str(path)] = json.loads(metrics.read_text())["models"]
    if as_json:
        print(json.dumps(tables))
        return 0
    models_found = ordered({model for found in tables.values() for model in found})
    table = Table("run", "split", *map(label, models_found))
    for path, found in tables.items():
        for split in ("test", "ood"):
            cells = [found.get(model, {}).get(split) for model in models_found]
            if any(cells):
                shares = [f"{100 * c['accuracy']:.1f}%" if c else "-" for c in cells]
                table.add_row(path, split, *shares)
    Console().print(table)
    return 0


def _stage_result(directory: RunDir, name: str, as_json: bool) -> int:
    facts = directory.facts(name)
    if as_json:
        print(json.dumps(facts))
    else:
        print("\n".join(f"{key:<12} {_plain(value)}" for key, value in facts.items()))
    return 0


def _check_machine(recipe: Recipe, run_dir: Path, stages: Sequence[str]) -> None:
    machine.check_disk(run_dir, RESULT_GIB)
    joined = bool(os.environ.get("RAY_ADDRESS"))  # then engines run elsewhere
    engines = {"generate", "evaluate"} | ({"train"} if recipe.train.rounds > 1 else set())
    if not joined and engines & set(stages):
        needed = recipe.cluster.kv_cache_gib + ENGINE_BASE_GIB
        machine.check_memory(needed, "an engine", "cluster.kv_cache_gib")


@contextmanager
def _machines(run: Run, stages: Sequence[str], root: Path) -> Iterator[None]:
    """Be connected to the machines that the stages need, where they need any."""
    if not {*NEEDS_RAY} & {*stages}:
        yield
        return
    with connect(root):
        refuse_too_small(run.recipe, unfinished(run, stages))
        yield


def _print_problems(found: ProblemFile, summary: dict[str, Any]) -> None:
    for key, value in summary.items():
        print(f"{key:<28} {_plain(value)}")
    for reject in found.rejects[:5]:
        print(f"rejected line {reject.line}: {reject.reason}")
    if found.problems:
        example = found.problems[0]
        print(f"\n{example.problem_id} ({example.task}, {example.split})")
        print(f"question   {example.question}\nanswer     {example.answer}")
        print(f"reference  {'; '.join(example.reference) or '-'}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _mask_pieces(run: RunDir) -> dict[str, Any]:
    from transformers import AutoTokenizer

    from pipeline.run.show import mask_pieces

    recipe = Recipe.model_validate(run.read()["recipe"])
    tokenizer = AutoTokenizer.from_pretrained(model_paths.resolve(recipe.student.model, "student"))
    return mask_pieces(run, tokenizer)

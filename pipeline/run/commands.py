"""The commands of `python -m pipeline`, with parsed arguments."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

import toolsets
from cluster import machine
from cluster.session import ConnectError, connect
from pipeline.agent.transcript import TemplateError
from pipeline.engine import model_paths
from pipeline.errors import CannotStart
from pipeline.evaluation.compare import results, side_by_side
from pipeline.evaluation.report import print_report
from pipeline.generation.pool import refuse_too_small
from pipeline.generation.prepared import Run
from pipeline.problems.golds import text_golds
from pipeline.problems.reader import (
    ProblemError,
    ProblemFile,
    summarise,
    write_rejects,
)
from pipeline.problems.source import read_source
from pipeline.progress import duration
from pipeline.recipe.load import Recipe, RecipeError, changed, shipped
from pipeline.recipe.load import load as load_recipe
from pipeline.run import renewal
from pipeline.run.judging import judge_run
from pipeline.run.preflight import check_run, unfinished
from pipeline.run.reuse import begin_from, check_source
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
ENGINE_BASE_GIB = 1.5  # memory of an engine on CPU, excluding KV cache and weights
RESULT_GIB = 0.2  # disk space that the smallest run writes


def execute(
    recipe: Recipe,
    run_dir: Path,
    name: str,
    root: Path,
    redo_errors: bool,
    as_json: bool,
    redo: str | None = None,
    source: Path | None = None,
) -> int:
    """Run one stage, or all of them, and print the results."""
    if name == "report":
        return report(run_dir, as_json)
    stages = list(STAGES) if name == "run" else [name]
    prepared = prepare(recipe, RunDir(run_dir))  # raises for bad input before anything is written
    refuse_other(run_dir, recipe)
    check_redo(recipe, redo, stages)
    if source is not None:
        check_source(prepared, source)
    if redo is None:
        renewal.check(prepared, stages)
    _check_machine(recipe, run_dir, stages)
    check_run(prepared, stages, download=True)
    with _connected(prepared, stages, root), opened(run_dir, recipe, root) as directory:
        write_rejects(prepared.source.rejects, directory.rejects)
        if redo is not None:
            renewal.redo(directory, redo)
        if source is not None:
            begin_from(prepared, source)
        if name == "run":
            run_all(prepared, redo_errors)
            code = report(run_dir, as_json)
            print(minutes(directory.read()["stages"]), file=sys.stderr)
            return code
        return _stage_result(run_stage(prepared, name, redo_errors), name, as_json)


def check_redo(recipe: Recipe, redo: str | None, stages: Sequence[str]) -> None:
    """Raise CannotStart if the stage `redo` cannot be done again by this command."""
    if redo is None:
        return
    if redo not in stages:
        raise CannotStart(f"--redo {redo} is for the commands run and {redo}")
    if recipe.train.rounds > 1:
        raise CannotStart(f"--redo {redo} works with train.rounds=1; choose another --run-dir")


def minutes(stages: Mapping[str, Mapping[str, Any]]) -> str:
    """The duration of each stage of a run, in one line: `8 min 31 s: generate 2 min 10 s (starting
    engines 40 s), pairs 2 s`."""
    parts = []
    for name, facts in stages.items():
        starting = facts.get("engine_start_seconds")
        inside = f" (starting engines {duration(starting)})" if starting else ""
        parts.append(f"{name} {duration(facts.get('seconds', 0))}{inside}")
    total = sum(facts.get("seconds", 0) for facts in stages.values())
    return f"{duration(total)}: {', '.join(parts)}"


def judge(run_dir: Path, overrides: Sequence[str], root: Path, as_json: bool) -> int:
    """Give the chains of a run new verdicts; `overrides` are settings of the section `problems`."""
    stored = RunDir(run_dir).read().get("recipe")
    if stored is None:
        raise CannotStart(f"{run_dir} is not a run directory: it has no run.json")
    recipe = changed(stored, [_problems_override(text) for text in overrides], str(run_dir))
    prepared = prepare(recipe, RunDir(run_dir))
    with opened(run_dir, Recipe.model_validate(stored), root) as directory:
        counts = judge_run(prepared)
        directory.write(directory.read() | {"recipe": recipe.model_dump(mode="json")})
    if as_json:
        print(json.dumps(counts))
    else:
        print("\n".join(f"{name:<12} {_plain(changes)}" for name, changes in counts.items()))
    return 0


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


def describe_problems(
    source: str, overrides: Sequence[str], format: str | None, rejects: Path | None, as_json: bool
) -> int:
    """Read a problem file, or the problems of a recipe; print counts, rejects and one example.

    `overrides` are settings of the section `problems`, with or without that prefix.
    """
    settings = [_problems_override(override) for override in overrides]
    if format is not None:
        settings.append(f"problems.format={format}")
    if source in shipped() or source.endswith((".yaml", ".yml")):
        recipe = load_recipe(source, settings)
    else:  # a plain file: no problem is dropped unless requested
        whole = {"path": source, "decontaminate_ngram": None}
        recipe = changed({"name": "problems", "problems": whole}, settings, source)
    problem_file = read_source(recipe)
    summary = summarise(problem_file, toolsets.load(recipe.toolset))
    summary |= text_golds(problem_file.problems)
    if rejects is not None:
        write_rejects(problem_file.rejects, rejects)
    if as_json:
        print(json.dumps(summary))
        return 0
    _print_problems(problem_file, summary)
    return 0


def _problems_override(override: str) -> str:
    """An override with the prefix `problems.`; raises CannotStart for another section's."""
    first = override.partition("=")[0].partition(".")[0]
    if first in ("problems", "toolset"):
        return override
    if first in Recipe.model_fields:
        raise CannotStart(f"problems takes settings of the section problems, got {override}")
    return f"problems.{override}"


def show(run_dir: Path, chain_id: str | None, mask: bool, as_json: bool) -> int:
    """Print chains, one chain, or the loss mask of a pair."""
    from pipeline.run import show as shown

    console = Console(highlight=False)
    run = shown.run_of(run_dir)
    if mask:
        pieces = _mask_pieces(run, chain_id)
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
    """Print the accuracies of several runs side by side; refuses runs on different problems."""
    found = results(run_dirs)
    if as_json:
        print(json.dumps(found))
    else:
        Console(width=None if Console().is_terminal else 160).print(side_by_side(found))
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
    joined = bool(os.environ.get("RAY_ADDRESS"))  # engines run on the cluster's nodes
    engines = {"generate", "evaluate"} | ({"train"} if recipe.train.rounds > 1 else set())
    if not joined and engines & set(stages):
        needed = recipe.cluster.kv_cache_gib + ENGINE_BASE_GIB
        machine.check_memory(needed, "an engine", "cluster.kv_cache_gib")


@contextmanager
def _connected(run: Run, stages: Sequence[str], root: Path) -> Iterator[None]:
    """Connect to Ray if one of the stages needs it."""
    if not {*NEEDS_RAY} & {*stages}:
        yield
        return
    with connect(root):
        refuse_too_small(run.recipe, unfinished(run, stages))
        yield


def _print_problems(problem_file: ProblemFile, summary: dict[str, Any]) -> None:
    for key, value in summary.items():
        print(f"{key:<28} {_plain(value) or '-'}")
    for reject in problem_file.rejects[:5]:
        print(f"rejected line {reject.line}: {reject.reason}")
    if problem_file.problems:
        example = problem_file.problems[0]
        print(f"\n{example.problem_id} ({example.task}, {example.split})")
        print(f"question   {example.question}\nanswer     {example.answer}")
        print(f"reference  {'; '.join(example.reference) or '-'}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _mask_pieces(run: RunDir, chain_id: str | None) -> dict[str, Any]:
    from transformers import AutoTokenizer

    from pipeline.run.show import mask_pieces

    recipe = Recipe.model_validate(run.read()["recipe"])
    tokenizer = AutoTokenizer.from_pretrained(model_paths.resolve(recipe.student.model, "student"))
    return mask_pieces(run, tokenizer, chain_id)

"""The command line for clusters: `python -m cluster check | submit | follow | stop | jobs`.

Exit codes: 0 success; 1 failed after the start; 2 cannot start as requested, one sentence, nothing
changed; 130 Ctrl-C, which stops following a job but not the job.

Only this module imports both sides: what a recipe requires, and what a cluster has.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import CannotStart
from pipeline.run.command_line import ROOT, check_environment, parse

if TYPE_CHECKING:  # these imports would make `--help` slow
    from cluster.jobs import Jobs
    from cluster.resources import Capacity
    from pipeline.recipe.load import Recipe
    from pipeline.records import Problem

STAGES = ("run", "generate", "pairs", "train", "evaluate", "report")
RECIPE_VARIABLE = "APPRENTICE_RECIPE"  # carries the text of a recipe file to its job
NO_GPU_NOTE = (
    "No current node has a GPU, and the nodes that can be added are unknown: stages whose GPUs the "
    "recipe does not set are planned on CPUs. Set cluster.engine_gpus=1 and cluster.train_gpus=1 "
    "to plan them on GPUs."
)
HTTP = ("http://", "https://")
STOPPED = {
    "STOPPED": "was stopped",
    "SUCCEEDED": "had already succeeded",
    "FAILED": "had already failed",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        check_environment("cluster")
        options = parse(*_parser(), arguments)
    except CannotStart as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from cluster.jobs import JobError, JobLost
    from cluster.reach import ConnectError
    from cluster.requirements import RequirementError
    from cluster.storage import StorageError
    from pipeline.problems.reader import ProblemError
    from pipeline.recipe.load import RecipeError
    from toolsets import ToolsetError

    bad_input = (CannotStart, ConnectError, JobError, ProblemError, RecipeError, RequirementError)
    try:
        return options.command(options)
    except (*bad_input, StorageError, ToolsetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (JobLost, OSError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by name."""
    parser = argparse.ArgumentParser(
        prog="python -m cluster", description="Run recipes on a Ray cluster, from any machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = _add(commands, "check", _check, "check whether a recipe fits, now or after growing")
    submit = _add(commands, "submit", _submit, "submit a run to a cluster and follow its log")
    for command in (check, submit):
        command.add_argument("recipe", metavar="RECIPE", help="a shipped recipe or a YAML file")
        command.add_argument("overrides", nargs="*", metavar="key=value", help="dotted overrides")
        command.add_argument("--stage", choices=STAGES, default="run", help="default: all stages")
    folder = "absolute, on storage that all nodes mount; default"
    check.add_argument("--run-dir", type=Path, help=f"{folder}: storage is not checked")
    head_folder = "~/apprentice/runs/RECIPE on the head"
    submit.add_argument("--run-dir", type=Path, help=f"{folder}: {head_folder}")
    submit.add_argument("--dry-run", action="store_true", help="print the plan, start nothing")
    submit.add_argument("--no-follow", action="store_true", help="only print the job's id")
    follow = _add(commands, "follow", _follow, "print a job's log until it ends")
    stop = _add(commands, "stop", _stop, "stop a job; its finished work stays on disk")
    for command in (follow, stop):
        command.add_argument("job_id", metavar="JOB_ID")
    _add(commands, "jobs", _jobs, "list the jobs of a cluster")
    return parser, commands.choices


def _add(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument(
        "--address", help="http://HOST:8265, or HOST:6379 on a node; default: RAY_ADDRESS"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object instead")
    command.set_defaults(command=function)
    return command


def _check(options: argparse.Namespace) -> int:
    from rich.console import Console

    from cluster.requirements import as_json, as_table, check, refuse_never
    from pipeline.generation.pool import requirements
    from pipeline.recipe.load import load

    recipe = load(options.recipe, options.overrides)
    names = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")  # in a job the first is set and must win
    address = options.address or next(filter(None, map(os.environ.get, names)), None)
    if address and address.startswith(HTTP):
        return _check_in_job(options, recipe, address)
    stages = STAGES if options.stage == "run" else (options.stage,)
    _check_models(recipe, stages)
    capacity = _capacity(address, options.run_dir)
    where = f"the cluster at {address}" if address else "this machine"
    fit = check(requirements(recipe, capacity, stages), capacity)
    if options.json:
        print(json.dumps(as_json(fit)))
    else:
        Console().print(as_table(fit))
        if not capacity.known and not capacity.present.get("GPU"):
            print(NO_GPU_NOTE)
    refuse_never(fit, where)
    return 0


def _check_in_job(options: argparse.Namespace, recipe: Recipe, address: str) -> int:
    """Check in a job on the head: the HTTP API does not list the nodes that can be added."""
    from cluster.jobs import Jobs

    _refuse_relative(options.run_dir)
    jobs, log = Jobs(address), io.StringIO()
    setup, environment, arguments = _job_arguments(options)
    run_dir = f" --run-dir {_run_dir(options, recipe)}" if options.run_dir else ""
    command = f"{setup}{_check_command(options, arguments)}{run_dir}{' --json' * options.json}"
    ended = jobs.follow(jobs.submit(f"check-{recipe.name}", command, ROOT, environment), log)
    _, _, output = log.getvalue().rpartition(command)  # Ray logs the command before its output
    for line in [*output.splitlines(), ended.message]:
        if line:
            result = not options.json or line.startswith("{")
            to_stdout = result and not line.startswith("error: ")
            print(line, file=sys.stdout if to_stdout else sys.stderr)
    return ended.code


def _submit(options: argparse.Namespace) -> int:
    from cluster.jobs import Jobs
    from pipeline.recipe.load import load

    recipe = load(options.recipe, options.overrides)
    _refuse_relative(options.run_dir)
    setup, environment, arguments = _job_arguments(options)
    run_dir = _run_dir(options, recipe)
    run = f"exec python -m pipeline {options.stage} {arguments} --run-dir {run_dir}"
    check = f"{_check_command(options, arguments)} --run-dir {run_dir} && "
    jobs = Jobs(options.address)
    entrypoint = f"{setup}{run} --dry-run" if options.dry_run else f"{setup}{check}{run}"
    job_id = jobs.submit(f"apprentice-{recipe.name}", entrypoint, ROOT, environment)
    if not options.no_follow:
        print(f"submitted {job_id} to {jobs.address}", file=sys.stderr)
        return _follow_to_end(jobs, job_id, options)
    print(json.dumps({"job_id": job_id, "address": jobs.address}) if options.json else job_id)
    return 0


def _follow(options: argparse.Namespace) -> int:
    from cluster.jobs import Jobs

    return _follow_to_end(Jobs(options.address), options.job_id, options)


def _stop(options: argparse.Namespace) -> int:
    from cluster.jobs import Jobs

    status = Jobs(options.address).stop(options.job_id)
    if options.json:
        print(json.dumps({"job_id": options.job_id, "status": status}))
    else:
        print(f"job {options.job_id} {STOPPED[status]}")
    return 0


def _jobs(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from cluster.jobs import Jobs

    jobs = Jobs(options.address).list()
    if options.json:
        keys = {"submission_id": "job_id", "status": "status", "start_time": "started_ms"}
        print(json.dumps({"jobs": [{new: job[old] for old, new in keys.items()} for job in jobs]}))
        return 0
    table = Table("job", "status", "started")
    for job in jobs:
        started = datetime.fromtimestamp((job["start_time"] or 0) / 1000)
        table.add_row(job["submission_id"], job["status"].lower(), f"{started:%Y-%m-%d %H:%M:%S}")
    Console().print(table)
    return 0


def _follow_to_end(jobs: Jobs, job_id: str, options: argparse.Namespace) -> int:
    """Follow a job; with --json its log goes to standard error."""
    from cluster.jobs import JobLost

    job = f"{job_id}{f' --address {options.address}' if options.address else ''}"
    next_steps = (
        f"follow it with python -m cluster follow {job}, stop it with python -m cluster stop {job}"
    )
    try:
        ended = jobs.follow(job_id, sys.stderr if options.json else sys.stdout)
    except KeyboardInterrupt:
        print(f"\nstopped following; job {job_id} continues: {next_steps}", file=sys.stderr)
        return 130
    except JobLost as error:
        raise JobLost(f"{error}; job {job_id} may still run: {next_steps}") from None
    if options.json:
        print(json.dumps({"job_id": job_id, "status": ended.status, "exit_code": ended.code}))
    elif ended.status != "SUCCEEDED":
        reason = f": {ended.message}" if ended.message else ""
        print(f"job {job_id} {ended.status.lower()}{reason}", file=sys.stderr)
    return ended.code


def _job_arguments(options: argparse.Namespace) -> tuple[str, dict[str, str], str]:
    """For the shell of a job: setup commands, environment, the recipe with its overrides.

    The text of a recipe file is passed in the environment and written to a file on the head.
    """
    from pipeline.recipe.load import shipped
    from pipeline.run_dir import COMMIT_VARIABLE, commit

    setup, recipe = "", options.recipe
    environment = {COMMIT_VARIABLE: commit(ROOT) or ""}
    if recipe not in shipped():
        file = shlex.quote(f"{Path(recipe).stem}.yaml")
        setup = f'recipe=$(mktemp -d)/{file} && printenv {RECIPE_VARIABLE} > "$recipe" && '
        environment[RECIPE_VARIABLE], recipe = Path(recipe).read_text(), '"$recipe"'
    return setup, environment, " ".join([recipe, *map(shlex.quote, options.overrides)])


def _check_command(options: argparse.Namespace, arguments: str) -> str:
    return f"python -m cluster check {arguments} --stage {options.stage}"


def _run_dir(options: argparse.Namespace, recipe: Recipe) -> str:
    """The run directory, quoted for the shell of a job."""
    if options.run_dir:
        return shlex.quote(str(options.run_dir))
    return f'"$HOME"/apprentice/runs/{shlex.quote(recipe.name)}'


def _refuse_relative(run_dir: Path | None) -> None:
    from cluster.jobs import JobError

    if run_dir and not run_dir.is_absolute():
        raise JobError(
            f"--run-dir {run_dir} is relative, expected an absolute path on storage that all nodes "
            "mount"
        )


def _check_models(recipe: Recipe, stages: Sequence[str]) -> None:
    from pipeline.run.preflight import check_models, engine_roles

    problems = _local_problems(recipe)
    questions = [problem.question for problem in problems if "generate" in stages]
    for note in check_models(recipe, engine_roles(recipe, stages), questions, download=False):
        print(f"warning: {note}", file=sys.stderr)


def _local_problems(recipe: Recipe) -> list[Problem]:
    """The recipe's training problems, as far as they can be read without a download."""
    from pipeline.problems.source import POCKET, read_source

    path, generated = recipe.problems.path, recipe.problems.path == POCKET
    files = [path] if isinstance(path, str) else path
    files = [*files, *filter(None, [recipe.problems.test_path])]
    if not generated and not all(Path(file).expanduser().exists() for file in files):
        return []
    if generated:  # a few are enough, because proving labels is slow
        few = recipe.problems.model_copy(update={"limit": 10})
        recipe = recipe.model_copy(update={"problems": few})
    return [problem for problem in read_source(recipe).problems if problem.split == "train"]


def _capacity(address: str | None, run_dir: Path | None) -> Capacity:
    """The capacity of the machines; raises StorageError if one does not reach `run_dir`."""
    from cluster import resources, storage

    if not address:
        if run_dir:
            storage.check_folder(run_dir)
        return resources.this_machine()
    from cluster.session import connect

    os.environ["RAY_ADDRESS"] = address
    with connect(ROOT):
        if run_dir:
            storage.check_folder(run_dir)
        return resources.capacity()


if __name__ == "__main__":
    sys.exit(main())

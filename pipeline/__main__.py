"""The command line of the pipeline: `python -m pipeline --help`.

Exit codes: 0 done; 2 it cannot start as asked, one sentence, nothing changed; 1 a stage failed
after it started, finished work kept, the same command resumes.

Heavy imports stay inside the command that needs them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import CannotStart, StageFailed
from pipeline.run.command_line import ROOT, check_environment, parse

RUN_COMMANDS = {
    "run": "all stages: generate, pairs, train, evaluate, report",
    "generate": "teacher (and student) chains for the training problems",
    "pairs": "preference pairs from judged chains",
    "train": "train the student on the pairs",
    "evaluate": "solve unseen problems with student before, after, and teacher",
    "report": "print the results of a run (takes a run directory too)",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    try:
        check_environment("pipeline")
        parsed = parse(*_parser(), arguments)
    except CannotStart as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from pipeline.run.commands import OPERATOR_ERRORS

    try:
        return parsed.command(parsed)
    except OPERATOR_ERRORS as error:  # bad input, in one sentence
        print(f"error: {error}", file=sys.stderr)
        return 2
    except StageFailed as error:
        print(f"failed: {error}; {error.advice}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of a pipe has seen enough
        return 0
    except OSError as error:  # a full disk, say
        print(f"failed: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; finished work is kept, the same command resumes", file=sys.stderr)
        return 130


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of the commands by name."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline", description="Problems to chains to pairs to a student."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, text in RUN_COMMANDS.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("recipe", metavar="RECIPE", help="a shipped recipe or a YAML file")
        command.add_argument("overrides", nargs="*", metavar="key=value", help="dotted overrides")
        command.add_argument("--run-dir", type=Path, help="default: runs/RECIPE")
        command.add_argument("--dry-run", action="store_true", help="print the plan, start nothing")
        command.add_argument("--json", action="store_true", help="print one JSON object instead")
        if name != "report":
            command.add_argument(
                "--redo",
                choices=["generate", "pairs", "train", "evaluate"] if name == "run" else [name],
                help="do this stage and the later ones again; earlier results move to replaced/",
            )
        if name in ("run", "generate", "train", "evaluate"):
            command.add_argument(
                "--redo-errors",
                action="store_true",
                help="make chains with engine errors again",
            )
        if name in ("run", "generate"):
            command.add_argument(
                "--from",
                dest="source",
                type=Path,
                metavar="RUN_DIR",
                help="begin a new run with the finished stages of another that it would repeat",
            )
            command.add_argument(
                "--sample",
                type=Path,
                metavar="RUN_DIR",
                help="with --dry-run: an earlier run to estimate tokens, hours and cost from",
            )
        command.set_defaults(command=_run, name=name, redo_errors=False, sample=None)
        command.set_defaults(redo=None, source=None)
    _add_others(commands)
    return parser, commands.choices


def _add_others(commands: Any) -> None:
    recipes = commands.add_parser("recipes", help="the recipes that ship, one line each")
    recipes.add_argument("--json", action="store_true")
    recipes.set_defaults(command=_recipes)

    problems = commands.add_parser("problems", help="read problems: counts, rejects, one example")
    problems.add_argument("source", metavar="FILE|RECIPE")
    problems.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="settings of the section problems, such as columns='{question: prompt}'",
    )
    problems.add_argument("--format", choices=["gsm8k", "folio", "generic"])
    problems.add_argument("--rejects", type=Path, help="folder to write rejected rows to")
    problems.add_argument("--json", action="store_true")
    problems.set_defaults(command=_problems)

    show = commands.add_parser("show", help="chains or a pair in the terminal, coloured")
    show.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    show.add_argument("chain_id", nargs="?", metavar="CHAIN_ID")
    show.add_argument(
        "--mask",
        action="store_true",
        help="the trained tokens of a pair: the first of the run, or of CHAIN_ID",
    )
    show.add_argument("--json", action="store_true")
    show.set_defaults(command=_show)

    judge = commands.add_parser("judge", help="new verdicts for a run's chains, without engines")
    judge.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    judge.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="settings of the section problems, such as tolerance=0.01",
    )
    judge.add_argument("--json", action="store_true")
    judge.set_defaults(command=_judge)

    compare = commands.add_parser("compare", help="the results of several runs, side by side")
    compare.add_argument("run_dirs", type=Path, nargs="+", metavar="RUN_DIR")
    compare.add_argument("--json", action="store_true")
    compare.set_defaults(command=_compare)


def _run(arguments: argparse.Namespace) -> int:
    from pipeline.recipe.load import load
    from pipeline.run.commands import execute, report
    from pipeline.run.dry_run import dry_run

    if arguments.sample and not arguments.dry_run:
        raise CannotStart("--sample is used by --dry-run only; give --dry-run too")
    if arguments.name == "report" and Path(arguments.recipe, "run.json").is_file():
        return report(Path(arguments.recipe), arguments.json)
    recipe = load(arguments.recipe, arguments.overrides)
    run_dir = arguments.run_dir or Path("runs") / recipe.name
    if arguments.dry_run:
        return dry_run(recipe, run_dir, arguments.name, arguments.sample, arguments.json)
    return execute(
        recipe,
        run_dir,
        arguments.name,
        ROOT,
        arguments.redo_errors,
        as_json=arguments.json,
        redo=arguments.redo,
        source=arguments.source,
    )


def _recipes(arguments: argparse.Namespace) -> int:
    from pipeline.recipe.load import load, shipped

    found = {name: load(name).description for name in shipped()}
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:<10} {description}" for name, description in found.items()))
    return 0


def _problems(arguments: argparse.Namespace) -> int:
    from pipeline.run.commands import describe_problems

    return describe_problems(
        arguments.source,
        arguments.overrides,
        arguments.format,
        arguments.rejects,
        arguments.json,
    )


def _show(arguments: argparse.Namespace) -> int:
    from pipeline.run.commands import show

    return show(arguments.run_dir, arguments.chain_id, arguments.mask, arguments.json)


def _judge(arguments: argparse.Namespace) -> int:
    from pipeline.run.commands import judge

    return judge(arguments.run_dir, arguments.overrides, ROOT, arguments.json)


def _compare(arguments: argparse.Namespace) -> int:
    from pipeline.run.commands import compare

    return compare(arguments.run_dirs, arguments.json)


if __name__ == "__main__":
    sys.exit(main())

"""Checks a recipe's models before anything starts: engine options, tensor parallelism, and whether
prompts fit the context.

Models are checked if config and tokenizer are available locally; weights are never read.

Not here: dialects and chat templates (`pipeline.engine.model_dialects`), machines
(`pipeline.generation.pool`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.agent.transcript import ChatTemplate
from pipeline.engine import model_paths
from pipeline.engine.model_dialects import check_template, dialect_in
from pipeline.errors import CannotStart
from pipeline.evaluation.stage import evaluation_problems
from pipeline.generation.prepared import Run
from pipeline.generation.stage import generating_models
from pipeline.recipe.load import Recipe, load, shipped
from pipeline.recipe.models import Model
from pipeline.recipe.unused import turned_off
from pipeline.records import Problem
from pipeline.run.evaluated import evaluated_models
from toolsets.errors import nearest

SHORT_REPLY = 16  # tokens of a call such as add(a=12, b=30), with the end of its turn
CHANGE_CONFIG = {"hf_overrides", "hf_config_path"}  # engine options that replace the config


def engine_roles(recipe: Recipe, stages: Container[str]) -> list[str]:
    """The roles, teacher or student, whose engines `stages` start."""
    roles: set[str] = set()
    if "generate" in stages:
        roles |= {*generating_models(recipe)}
    if "evaluate" in stages:
        names = evaluated_models(recipe)
        roles |= {"teacher" if name == "teacher" else "student" for name in names}
    if "train" in stages and recipe.train.rounds > 1:
        roles.add("student")
    local = (role for role in roles if not _model(recipe, role).is_remote)
    return sorted(local, reverse=True)


def check_run(run: Run, stages: Sequence[str], download: bool) -> None:
    """Check the models of the unfinished `stages` with their problems; print warnings to standard
    error. Raises CannotStart as `check_models` does."""
    remaining = unfinished(run, stages)
    problems = [p for p in run.problems if "generate" in remaining and p.split == "train"]
    if "evaluate" in remaining:
        problems += _evaluated(run)
    questions = [problem.question for problem in problems]
    notes = check_models(run.recipe, engine_roles(run.recipe, remaining), questions, download)
    for note in (*turned_off(run.recipe), *notes):
        print(f"warning: {note}", file=sys.stderr)


def _evaluated(run: Run) -> list[Problem]:
    """The problems that `evaluate` uses; raises CannotStart if there are none."""
    if problems := evaluation_problems(run.problems, run.recipe):
        return problems
    settings, splits = run.recipe.problems, " or ".join(run.recipe.evaluate.splits)
    found = ", ".join(sorted({problem.split for problem in run.problems})) or "no problem"
    raise CannotStart(
        f"{settings.source} has no problem of split {splits} to evaluate, only {found}; name a "
        "file of test problems with problems.test_path, or hold out a share of the rows: "
        "problems.columns={split: null} ignores the splits that they give"
    )


def unfinished(run: Run, stages: Sequence[str]) -> list[str]:
    """The unfinished stages; with several rounds, all stages."""
    several = run.recipe.train.rounds > 1
    return [stage for stage in stages if several or not run.dir.is_done(stage)]


def check_models(
    recipe: Recipe, roles: Sequence[str], questions: Sequence[str], download: bool
) -> list[str]:
    """Check the models of `roles`; returns sentences on checks that were not possible and on
    problems that do not fit. Raises CannotStart, one sentence, if a model cannot work.

    Prompts are built from `questions`; without questions, only the shared prefix is checked. If
    `download`, config and tokenizer of a hub model that is not in the local cache are fetched.
    """
    for role in roles:
        _check_options(_model(recipe, role).engine, role)
    notes = []
    for role in roles:
        name = model_paths.resolve(_model(recipe, role).model, role)
        folder = _local_folder(name, download)
        if folder is None:
            notes.append(
                f"{role}.model {name} is not available here: neither its context nor the split of "
                "its attention heads was checked"
            )
        else:
            notes += _check_model(recipe, role, folder, questions)
    return notes


def _model(recipe: Recipe, role: str) -> Model:
    return getattr(recipe, role)


def _check_options(options: Mapping[str, Any], role: str) -> None:
    """Raise CannotStart for an unknown engine option or a value that vLLM refuses.

    Options of shipped recipes are known to be valid; skipping them avoids importing vLLM.
    """
    valid = [item for name in shipped() for item in load(name).teacher.engine.items()]
    new = {name: value for name, value in options.items() if (name, value) not in valid}
    if not new:
        return
    from pipeline.engine.options import fault, option_names

    key, known = f"{role}.engine", option_names()
    for name in new:
        if name == "model":
            raise CannotStart(f"{key}.model: the model is given by {role}.model")
        if name not in known:
            near = nearest(name, known)
            hint = f"; did you mean {key}.{near}?" if near else ""
            raise CannotStart(f"vLLM has no engine option {key}.{name}{hint}")
    if error := fault(new):
        name, reason = error
        raise CannotStart(f"{key}{'.' * bool(name)}{name}: {reason}")


def _local_folder(name: str, download: bool) -> Path | None:
    """The local folder with config and tokenizer of a model; None if it is not available."""
    if Path(name).is_dir():
        return Path(name)
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.hub import cached_file

    try:
        for kind in (AutoConfig, AutoTokenizer):
            kind.from_pretrained(name, local_files_only=not download, trust_remote_code=False)
        return Path(str(cached_file(name, "config.json", local_files_only=True))).parent
    except (OSError, ValueError):
        return None


def _check_model(recipe: Recipe, role: str, folder: Path, questions: Sequence[str]) -> list[str]:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder).get_text_config()
    options, name = _model(recipe, role).engine, f"{role}.model {_model(recipe, role).model}"
    _check_heads(options, role, config, name)
    longest, requested = _longest_context(options, config), options.get("max_model_len")
    requested = -1 if requested is None else requested  # both: vLLM's default
    if longest and requested > longest and not os.environ.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN"):
        raise CannotStart(
            f"{role}.engine.max_model_len is {requested:,}, more than the {longest:,} tokens of "
            f"{name}"
        )
    check_template(recipe, role, str(folder))
    if requested > 0:
        context, limit = requested, f"{role}.engine.max_model_len"
    elif longest:
        context, limit = longest, f"the context of {name}"
    else:
        return [f"{name} does not state the length of its context, which was not checked"]
    return _check_prompts(recipe, role, folder, questions, context, limit)


def _check_heads(options: Mapping[str, Any], role: str, config: Any, name: str) -> None:
    ranks, heads = options.get("tensor_parallel_size", 1), _integer(config, "num_attention_heads")
    if heads and heads % ranks and not CHANGE_CONFIG & options.keys():
        raise CannotStart(
            f"{role}.engine.tensor_parallel_size is {ranks}, which does not divide the {heads} "
            f"attention heads of {name}"
        )


def _longest_context(options: Mapping[str, Any], config: Any) -> int | None:
    """Longest context of a model in tokens, from its config; None if config or options scale it in
    a way that only vLLM computes."""
    rope = getattr(config, "rope_parameters", None) or {}
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]  # per kind of layer
    stretched = any(part.get("rope_type") in ("linear", "dynamic") for part in parts)
    if stretched or CHANGE_CONFIG & options.keys():
        return None
    lengths = [
        _integer(config, key) or 0 for key in ("max_position_embeddings", "model_max_length")
    ]
    return max(lengths) or None


def _integer(config: Any, key: str) -> int | None:
    value = getattr(config, key, None)
    return value if isinstance(value, int) else None


def _check_prompts(
    recipe: Recipe, role: str, folder: Path, questions: Sequence[str], context: int, limit: str
) -> list[str]:
    """Raise CannotStart if no prompt leaves space for a short reply; returns a note with the number
    of prompts that do not."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    dialect = dialect_in(recipe, role, str(folder))
    common = len(ChatTemplate(tokenizer, dialect.tools).prompt_ids(dialect.prompt_messages("")))
    reply = min(SHORT_REPLY, recipe.agent.reply_tokens)
    space = context - common - reply
    # A token is at least one byte, so only questions with more bytes than `space` are tokenized.
    long = [question for question in questions or [""] if len(question.encode()) > space]
    sizes = [len(tokenizer.encode(question, add_special_tokens=False)) for question in long]
    too_long = sum(size > space for size in sizes)
    if too_long == len(questions or [""]):
        shortest = f", the shortest problem {min(sizes):,}" * bool(questions)
        raise CannotStart(
            f"{limit} is {context:,} tokens, too few for any prompt: instructions and functions "
            f"take {common:,}{shortest}, and a reply at least {reply}"
        )
    if not too_long:
        return []
    return [
        f"{too_long:,} of {len(questions):,} problems do not fit the {context:,} tokens of "
        f"{limit}: their chains will end as context_full"
    ]

"""What is known to be wrong with a recipe's models before anything is made: their engine options,
how they are split over GPUs, and a context that holds no prompt.

Models are looked at where config and tokenizer are at hand; weights are never read.

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
from pipeline.run.run import evaluated_models
from toolsets.errors import nearest

SHORT_REPLY = 16  # tokens of a call such as add(a=12, b=30) and of the end of its turn
CHANGE_CONFIG = {"hf_overrides", "hf_config_path"}  # engine options


def engine_roles(recipe: Recipe, stages: Container[str]) -> list[str]:
    """Which models engines of our own run in `stages`, `teacher` or `student`."""
    found: set[str] = set()
    if "generate" in stages:
        found |= {*generating_models(recipe)}
    if "evaluate" in stages:
        named = evaluated_models(recipe)
        found |= {"teacher" if name == "teacher" else "student" for name in named}
    if "train" in stages and recipe.train.rounds > 1:
        found.add("student")
    at_hand = (role for role in found if not _model(recipe, role).is_remote)
    return sorted(at_hand, reverse=True)


def check_run(run: Run, stages: Sequence[str], download: bool) -> None:
    """Check the models that the unfinished of `stages` run, on their problems; warnings go to
    standard error. Raises CannotStart as `check_models` does."""
    ahead = unfinished(run, stages)
    problems = [p for p in run.problems if "generate" in ahead and p.split == "train"]
    problems += evaluation_problems(run.problems, run.recipe) if "evaluate" in ahead else []
    questions = [problem.question for problem in problems]
    for note in check_models(run.recipe, engine_roles(run.recipe, ahead), questions, download):
        print(f"warning: {note}", file=sys.stderr)


def unfinished(run: Run, stages: Sequence[str]) -> list[str]:
    """The stages that still have something to make; all where there are rounds."""
    again = run.recipe.train.rounds > 1
    return [stage for stage in stages if again or not run.dir.is_done(stage)]


def check_models(
    recipe: Recipe, roles: Sequence[str], questions: Sequence[str], download: bool
) -> list[str]:
    """Raise CannotStart, one sentence, for what can never work with the models of `roles`; returns
    sentences for what could not be checked, and for what will be lost.

    Prompts are those of `questions`; without any, their common part. A hub model that is not in the
    local cache has its config and tokenizer fetched where `download`.
    """
    for role in roles:
        _check_options(_model(recipe, role).engine, role)
    notes = []
    for role in roles:
        name = model_paths.resolve(_model(recipe, role).model, role)
        folder = _at_hand(name, download)
        if folder is None:
            notes.append(
                f"{role}.model {name} is not at hand here: its context was not checked, nor "
                "whether its attention heads can be split"
            )
        else:
            notes += _check_model(recipe, role, folder, questions)
    return notes


def _model(recipe: Recipe, role: str) -> Model:
    return getattr(recipe, role)


def _check_options(options: Mapping[str, Any], role: str) -> None:
    """Raise CannotStart for an option that vLLM does not know or a value that it refuses.

    What a shipped recipe has is known to pass, which saves importing vLLM.
    """
    proven = [item for name in shipped() for item in load(name).teacher.engine.items()]
    new = {name: value for name, value in options.items() if (name, value) not in proven}
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
    if found := fault(new):
        name, said = found
        raise CannotStart(f"{key}{'.' * bool(name)}{name}: {said}")


def _at_hand(name: str, download: bool) -> Path | None:
    """The folder with config and tokenizer of a model folder or hub name; None where there is none
    that can be read here."""
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
    most, asked = _most(options, config), options.get("max_model_len", -1)
    if most and asked > most and not os.environ.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN"):
        raise CannotStart(
            f"{role}.engine.max_model_len is {asked:,}, more than the {most:,} tokens of {name}"
        )
    check_template(recipe, role, str(folder))
    if asked > 0:
        context, named = asked, f"{role}.engine.max_model_len"
    elif most:
        context, named = most, f"the context of {name}"
    else:
        return [f"{name} does not say how long its context is, which was not checked"]
    return _check_prompts(recipe, role, folder, questions, context, named)


def _check_heads(options: Mapping[str, Any], role: str, config: Any, name: str) -> None:
    ranks, heads = options.get("tensor_parallel_size", 1), _told(config, "num_attention_heads")
    if heads and heads % ranks and not CHANGE_CONFIG & options.keys():
        raise CannotStart(
            f"{role}.engine.tensor_parallel_size is {ranks}, which does not divide the {heads} "
            f"attention heads of {name}"
        )


def _most(options: Mapping[str, Any], config: Any) -> int | None:
    """Tokens of the longest context by a model's config; None where that or an option stretches
    them in a way that vLLM alone knows."""
    rope = getattr(config, "rope_parameters", None) or {}
    parts = [rope, *(part for part in rope.values() if isinstance(part, dict))]  # by kind of layer
    stretched = any(part.get("rope_type") in ("linear", "dynamic") for part in parts)
    if stretched or CHANGE_CONFIG & options.keys():
        return None
    longest = [_told(config, key) or 0 for key in ("max_position_embeddings", "model_max_length")]
    return max(longest) or None


def _told(config: Any, key: str) -> int | None:
    value = getattr(config, key, None)
    return value if isinstance(value, int) else None


def _check_prompts(
    recipe: Recipe, role: str, folder: Path, questions: Sequence[str], context: int, named: str
) -> list[str]:
    """Raise CannotStart where no prompt leaves room for a short reply; says how many do not."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    dialect = dialect_in(recipe, role, str(folder))
    common = len(ChatTemplate(tokenizer, dialect.tools).prompt_ids(dialect.prompt_messages("")))
    reply = min(SHORT_REPLY, recipe.agent.reply_tokens)
    room = context - common - reply
    # A token is a byte at least, so only a question of more bytes has to be counted in tokens.
    maybe = [question for question in questions or [""] if len(question.encode()) > room]
    sizes = [len(tokenizer.encode(question, add_special_tokens=False)) for question in maybe]
    lost = sum(size > room for size in sizes)
    if lost == len(questions or [""]):
        shortest = f", the shortest problem {min(sizes):,}" * bool(questions)
        raise CannotStart(
            f"{named} is {context:,} tokens, which holds no prompt: instructions and functions "
            f"take {common:,}{shortest}, and a reply at least {reply}"
        )
    if not lost:
        return []
    return [
        f"{lost:,} of {len(questions):,} problems do not fit the {context:,} tokens of {named}: "
        "their chains will end as context_full"
    ]

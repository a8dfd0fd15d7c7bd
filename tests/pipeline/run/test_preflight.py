"""Exact messages of pipeline.run.preflight, with the pocket models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from pipeline.pocket.models import folder
from pipeline.recipe.load import load
from pipeline.run.preflight import check_models, engine_roles

QUESTIONS = ("Ann has 2 apples. She gets 3. How many?", "Ann has 2 apples. She gets 3. " * 40)


def notes(*overrides: str, questions: tuple[str, ...] = QUESTIONS) -> list[str]:
    return check_models(load("pocket", overrides), ["teacher"], questions, download=False)


def error(*overrides: str, questions: tuple[str, ...] = QUESTIONS) -> str:
    with pytest.raises(CannotStart) as raised:
        notes(*overrides, questions=questions)
    return str(raised.value)


def test_a_model_that_fits_gives_no_note() -> None:
    assert notes() == []
    assert notes("teacher.engine={}") == []


def test_a_context_too_short_for_any_prompt_is_refused() -> None:
    assert error("teacher.engine.max_model_len=200") == (
        "teacher.engine.max_model_len is 200 tokens, too few for any prompt: instructions and "
        "functions take 225, the shortest problem 17, and a reply at least 16"
    )
    assert error("teacher.engine.max_model_len=240", questions=()) == (
        "teacher.engine.max_model_len is 240 tokens, too few for any prompt: instructions and "
        "functions take 225, and a reply at least 16"
    )
    assert notes("teacher.engine.max_model_len=241", questions=()) == []


@pytest.mark.vllm
@pytest.mark.parametrize("default", ["null", "-1"])
def test_vllms_default_context_is_that_of_the_model(default: str, tmp_path: Path) -> None:
    assert notes(f"teacher.engine={{max_model_len: {default}}}") == []
    model = tmp_path / "model"
    shutil.copytree(folder("teacher"), model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 128}))
    found = error(f"teacher.model={model}", f"teacher.engine={{max_model_len: {default}}}")
    assert found.startswith(f"the context of teacher.model {model} is 128 tokens, too few for any")


def test_problems_that_do_not_fit_are_counted() -> None:
    assert notes("teacher.engine.max_model_len=300") == [
        "1 of 2 problems do not fit the 300 tokens of teacher.engine.max_model_len: their chains "
        "will end as context_full"
    ]


def test_without_the_option_the_context_is_read_from_the_config(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(folder("teacher"), model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 128}))
    assert error(f"teacher.model={model}", "teacher.engine={}").startswith(
        f"the context of teacher.model {model} is 128 tokens, too few for any prompt"
    )
    assert error(f"teacher.model={model}") == (
        f"teacher.engine.max_model_len is 1,024, more than the 128 tokens of teacher.model {model}"
    )


@pytest.mark.vllm
@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "teacher.engine.max_model_length=100",
            "vLLM has no engine option teacher.engine.max_model_length; did you mean "
            "teacher.engine.max_model_len?",
        ),
        ("teacher.engine.model=a", "teacher.engine.model: the model is given by teacher.model"),
        (
            "teacher.engine.max_num_seqs=many",
            "teacher.engine.max_num_seqs: input should be a valid integer, got 'many'",
        ),
        (
            "teacher.engine.compilation_config={foo: 1}",
            "teacher.engine: CompilationConfig: foo: unexpected keyword argument",
        ),
        (
            "teacher.engine.tensor_parallel_size=3",
            "teacher.engine.tensor_parallel_size is 3, which does not divide the 8 attention heads "
            "of teacher.model pocket",
        ),
    ],
)
def test_an_invalid_engine_option_is_named(override: str, message: str) -> None:
    assert error(override) == message


@pytest.mark.parametrize(
    ("stages", "roles"),
    [
        (["generate", "pairs", "train", "evaluate"], ["teacher", "student"]),
        (["generate"], ["teacher"]),
        (["evaluate"], ["teacher", "student"]),
        (["pairs", "train"], []),
    ],
)
def test_only_models_that_the_stages_run_are_checked(stages: list[str], roles: list[str]) -> None:
    assert engine_roles(load("pocket", ["pairs.rejected_from=[teacher]"]), stages) == roles

from __future__ import annotations

import json

import pytest

from pipeline.pocket.models import FINGERPRINT, check, dialect, fingerprint, folder


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_shipped_models_were_trained_on_the_current_prompt(name: str) -> None:
    check(name)
    assert json.loads((folder(name) / FINGERPRINT).read_text()) == {"prompt": fingerprint()}


def test_the_prompt_lists_the_functions_of_both_tasks_and_answer() -> None:
    system, user = dialect().prompt_messages("How many?")
    assert user == {"role": "user", "content": "How many?"}
    functions = system["content"].partition("Functions:\n")[2].splitlines()
    names = ["add", "subtract", "multiply", "divide", "percent_of", "entails", "answer"]
    assert [line.partition("(")[0] for line in functions] == names


def test_the_error_for_a_missing_model_names_the_training_command() -> None:
    with pytest.raises(ValueError, match=r"^the pocket giant is not in .*/giant; train it: python"):
        check("giant")

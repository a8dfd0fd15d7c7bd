from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from pipeline.pocket.models import folder
from pipeline.pocket.tokenizer import CONTEXT
from pipeline.problems.pocket.sentences import ADJECTIVES
from pipeline.problems.pocket.world import PRETRAIN, problems

WORDS = "Everyone who is not kind and x forall (~ )) ' True, False 12 a=3 é ! \n"
TEACHER = AutoTokenizer.from_pretrained(folder("teacher"))


@given(st.one_of(st.text(), st.lists(st.sampled_from([*WORDS.split(" "), " "])).map(" ".join)))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert TEACHER.decode(TEACHER(text).input_ids) == text


def test_both_models_have_one_tokenizer() -> None:
    files = [(folder(name) / "tokenizer.json").read_bytes() for name in ("teacher", "student")]
    assert files[0] == files[1]
    assert TEACHER.model_max_length == CONTEXT


def test_digits_are_tokens_of_their_own() -> None:
    pieces = TEACHER.tokenize("add(a=128, b=7.5)")
    assert [piece for piece in pieces if piece.isdigit()] == list("12875")


def test_a_formula_repeats_the_tokens_of_its_sentence() -> None:
    words = {TEACHER.convert_tokens_to_ids(word) for word in ADJECTIVES.split()}
    assert len(words) == len(ADJECTIVES.split())
    for told in problems(100, 1, PRETRAIN):
        if told.task == "logic":
            said = [t for t in TEACHER(told.question).input_ids if t in words]
            stated = [t for f in told.reference for t in TEACHER(f'"{f}"').input_ids if t in words]
            assert said == stated


@pytest.mark.parametrize("piece", ["!", " ", "x", "(x", "a ", "is not "])
def test_a_text_without_an_end_costs_no_more_than_its_length(piece: str) -> None:
    """By the square of it this would not end within a test's five minutes; nor is it refused."""
    assert len(TEACHER(piece * 300_000).input_ids) > 1000

from __future__ import annotations

from pipeline.problems.pocket.template import template, template_group


def test_names_things_and_numbers_are_slots() -> None:
    assert template("Ava has 12 red pens. Then Ava buys 3 more.") == (
        "PERSON has NUMBER red THINGS. Then PERSON buys NUMBER more."
    )
    assert template("Ben is kind and likes Cara.") == "PERSON is KIND and VERBS PERSON."


def test_questions_of_one_template_are_one_group() -> None:
    one, same = "Ava has 12 pens.", "Zoe has 999 cookies."
    assert template_group(one) == template_group(same) != template_group("Ava had 12 pens.")

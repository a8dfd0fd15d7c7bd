import pytest

from toolsets.languages.formula.parser import parse
from toolsets.shipped.logic.solver import small_worlds
from toolsets.shipped.logic.worlds import describe


def first_world(*texts: str) -> str:
    return describe(next(small_worlds([parse(text) for text in texts], seconds=2)))


@pytest.mark.parametrize(
    ("texts", "description"),
    [
        (["Cat(tom)"], "1 thing: tom\nCat: tom"),
        (["Cat(tom)", "~Cat(rex)"], "2 things: tom, rex\nCat: tom"),
        (["Cat(tom)", "exists x ~Cat(x)"], "2 things: tom, thing2\nCat: tom"),
        (["a = b", "P(a)"], "1 thing: a\nb = a\nP: a"),
        (["forall x ~Cat(x)", "rains"], "1 thing: thing1\nCat: nothing\nrains: true"),
        (["f(a) = b", "a != b", "f(b) = b"], "2 things: a, b\nf: a to b, b to b"),
        (
            ["forall x ~Likes(x, x)", "Likes(ann, bob) & Likes(bob, ann)"],
            "2 things: ann, bob\nLikes: (ann, bob), (bob, ann)",
        ),
        (["thing1 != a"], "2 things: thing1, a"),
        (["forall x x = x"], "1 thing: thing1"),
    ],
)
def test_the_smallest_world_is_described(texts: list[str], description: str) -> None:
    assert sorted(first_world(*texts).splitlines()) == sorted(description.splitlines())


def test_contradicting_formulas_have_no_world() -> None:
    assert not list(small_worlds([parse("p & ~p")], seconds=1))


def test_worlds_with_too_many_nodes_are_skipped() -> None:
    quantifiers = " ".join(f"forall x{n}" for n in range(20))
    variables = ", ".join(f"x{n}" for n in range(20))
    formula = parse(f"{quantifiers} P({variables})")
    assert len(list(small_worlds([formula], seconds=2))) == 1

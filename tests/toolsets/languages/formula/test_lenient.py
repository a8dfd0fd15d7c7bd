import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.languages.formula.formulas import formulas
from tests.toolsets.languages.formula.test_parser import SIGNS
from toolsets.languages.formula.lenient import Repaired, parse_leniently, read_problem
from toolsets.languages.formula.syntax import Formula, render


@pytest.mark.parametrize(
    ("text", "repaired_text", "warnings"),
    [
        ("P(l-2021)", "P(l_2021)", ["l-2021 read as l_2021"]),
        ("P(mr.smith)", "P(mr_smith)", ["mr.smith read as mr_smith"]),
        ("P(a+)", "P(a_plus)", ["a+ read as a_plus"]),
        ("P(o’neil)", "P(oneil)", ["o’neil read as oneil"]),
        ("P(captain america)", "P(captain_america)", ["captain america read as one name"]),
        ("p ^ q", "p ∧ q", ["^ read as ∧"]),
        ("P(a).", "P(a)", [". at the end left out"]),
        ("P(c++)", "P(c_plus_plus)", ["c++ read as c_plus_plus"]),
        ("∃x (P(x), Q(x))", "∃x (P(x) ∧ Q(x))", [", between formulas read as ∧"]),
        ("P(a) Q(b)", "P(a) ∧ Q(b)", ["no connective before Q; read as ∧"]),
        ("P(a ∧ Q(b)", "P(a) ∧ Q(b)", ["arguments not closed before ∧; closed there"]),
        ("∀x (P(x) → (Q(x))", "∀x (P(x) → Q(x))", ["1 ) missing; added at the end"]),
        ("P(a)) → q", "P(a) → q", ["1 ) too many; removed at column 5"]),
        ("P(a))) → q", "P(a) → q", ["2 ) too many; removed at column 5 and 6"]),
        (
            "∀x P(x) → Q(x)",
            "∀x (P(x) → Q(x))",
            ["x outside of its quantifier, whose scope is extended to the end"],
        ),
        ("∃x ∃x R(x, y)", "∃x ∃y R(x, y)", ["second ∃x read as ∃y"]),
        ("P(x) → Q(x)", "∀x (P(x) → Q(x))", ["x unbound; universally quantified"]),
        (
            "∀x ∃y (Has(x, y) ∧ Pet(y) → Cares(x, y))",
            "∀x ∀y (Has(x, y) ∧ Pet(y) → Cares(x, y))",
            ["∃y, used on the left side of →, read as ∀y"],
        ),
    ],
)
def test_each_repair_is_reported(text: str, repaired_text: str, warnings: list[str]) -> None:
    repaired = parse_leniently(text)
    assert repaired.formula is not None
    assert render(repaired.formula) == repaired_text
    assert list(repaired.warnings) == warnings


@pytest.mark.parametrize(
    "text",
    [
        "∀x (Cat(x) → ∃y Likes(x, y))",
        "∃x (Cat(x) → Furry(x))",
        "∀x.Cat(x)",
        "∀x ∃y (Cat(x) → Likes(x, y))",
        "Costs(tea, 2.5)",
        "Café(beyoncé)",
        "[p ∧ q] ⟷ r",
        'Cat("tom")',
        "∀x y (Likes(x, y) → Likes(y, x))",
        "ForAll([x, y], Implies(Likes(x, y), Likes(y, x)))",
        "-Cat(tom) | Dog(tom)",
    ],
)
def test_a_valid_formula_is_read_without_warnings(text: str) -> None:
    assert parse_leniently(text).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "John is tall", ")))", "∀", "P(∀x Q(x))"),
        *("P(a/b)", "Height(a) > Height(b)", "P(a+b)", "P(a) - Q(a)", "P(a) $ Q(a)", "p ? q"),
    ],
)
def test_an_unreadable_formula_is_left_out_with_a_warning(text: str) -> None:
    repaired = parse_leniently(text)
    assert repaired.formula is None
    assert repaired.warnings[-1].endswith("; the formula is left out")


@given(st.text() | st.lists(st.sampled_from(SIGNS)).map("".join))
def test_any_text_is_parsed_without_an_exception(text: str) -> None:
    assert isinstance(parse_leniently(text), Repaired)


@given(formulas())
def test_a_valid_formula_is_unchanged_except_for_existential_conditions(
    formula: Formula,
) -> None:
    repaired = parse_leniently(render(formula))
    assert repaired.formula == formula or "read as ∀" in repaired.warnings[-1]


def test_all_formulas_of_a_problem_share_one_spelling_per_name() -> None:
    problem = read_problem(["women(ann)", "", "P(x, y)"], "Women(ann) ∧ P(ann)")
    assert [render(formula) for formula in problem.premises] == ["women(ann)", "∀x ∀y P(x, y)"]
    assert problem.left_out == 1
    assert problem.conclusion is not None
    assert render(problem.conclusion) == "women(ann) ∧ P(ann)"
    assert problem.warnings == (
        "premise 2: empty; the formula is left out",
        "premise 3: x, y unbound; universally quantified",
        "Women read as women",
        "P is used with 1 and 2 arguments; these are different predicates",
    )


def test_an_unreadable_conclusion_is_none() -> None:
    problem = read_problem(["P(a)"], "it is so")
    assert problem.conclusion is None
    assert problem.warnings[0].startswith("conclusion: cannot be read (column 4")

"""Convert simple conclusions in English to formulas: "James does not have a high income" becomes
¬HighIncome(james), given the names `HighIncome` and `james` in the premises.

FOLIO's training file has formulas for premises but not for conclusions; a reference chain needs
both. A sentence is converted only if it is unambiguous: apart from articles, auxiliaries and
prepositions, its words are exactly those of one predicate and its arguments, and there is only one
such formula. 192 of 1,004 examples are converted; for 189 of them Z3's answer equals the label.
188 give a chain (`pipeline.problems.reference.formulas.entailment_calls`): in the other one, a
quantifier is repaired here but not by the function `entails`.

Not here: formulas in the data (`pipeline.problems.reference.formulas`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from toolsets.languages.formula.names import plain
from toolsets.languages.formula.syntax import Atom, Formula, Function, Not, Symbol, symbols

NEGATION = "not"
STOP_WORDS = frozenset(  # words that names omit
    {"a", "an", "the", "this", "it", "its", "that", "which", "who", "as"}
    | {"is", "are", "was", "were", "be", "been", "being", "has", "have", "had", "do", "does", "did"}
    | {"of", "in", "on", "at", "to", "by", "for", "from", "with"}
)
SUFFIXES = ("s", "es", "d", "ed", "ing")  # inflections of the same word
SHORTEST = 3  # letters of a word that may be inflected
MOST_ARGUMENTS = 2

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def plain_conclusion(premises: Sequence[Formula], sentence: str) -> Formula | None:
    """`sentence` as a literal in the names of `premises`; None if there is no such literal or more
    than one."""
    words = [plain(word) for word in re.findall(r"[\w-]+", sentence.replace("n't", " not"))]
    negations = words.count(NEGATION)
    if negations > 1:
        return None
    content = {at for at, word in enumerate(words) if word not in STOP_WORDS and word != NEGATION}
    names = symbols(*premises)
    constants = {
        name: _constant_positions(name.name, words)
        for name in names
        if name[::2] == ("function", 0)
    }
    atoms = []
    for predicate in (name for name in names if name.kind == "predicate"):
        positions = _predicate_positions(predicate.name, words)
        if positions is None or not 1 <= predicate.arity <= MOST_ARGUMENTS:
            continue
        for arguments in itertools.permutations(constants, predicate.arity):
            if _covers(content, positions, [constants[argument] for argument in arguments]):
                atoms.append(_atom(predicate, arguments))
    if len(atoms) != 1:
        return None
    return Not(atoms[0]) if negations else atoms[0]


def _constant_positions(name: str, words: Sequence[str]) -> set[int] | None:
    """Positions of the adjacent words that form a constant's name; None if they do not occur."""
    for start, end in itertools.combinations(range(len(words) + 1), 2):
        if "".join(words[start:end]) == plain(name):
            return set(range(start, end))
    return None


def _predicate_positions(name: str, words: Sequence[str]) -> set[int] | None:
    """Positions of the words of a predicate's name, which may be inflected; None if a word is
    missing, the name is negated or has stop words only."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    content = [part for part in parts if part not in STOP_WORDS]
    positions = [
        {at for at, word in enumerate(words) if _same_word(part, word)} for part in content
    ]
    if not content or NEGATION in parts or not all(positions):
        return None
    return set().union(*positions)


def _covers(content: set[int], predicate: set[int], arguments: Sequence[set[int] | None]) -> bool:
    return all(arguments) and content <= predicate.union(*filter(None, arguments))


def _same_word(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return short == long or (
        len(short) >= SHORTEST and long.startswith(short) and long[len(short) :] in SUFFIXES
    )


def _atom(predicate: Symbol, arguments: Sequence[Symbol]) -> Atom:
    return Atom(predicate.name, tuple(Function(argument.name) for argument in arguments))

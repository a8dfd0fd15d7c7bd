"""Plain conclusions, read off their words: "James does not have a high income" with the premises'
names `HighIncome` and `james` is ¬HighIncome(james).

FOLIO's training file has formulas of its premises, none of its conclusions, and a worked chain
needs both. Read is only what leaves no choice: a sentence whose words, but for articles,
auxiliaries and prepositions, are those of one predicate and of the constants that it takes, all of
them, and one such reading. Of 1,004 examples 192 are read; in 189 Z3's answer is the example's
label, and only then does a chain come of it
(`pipeline.problems.reference.formulas.entailment_calls`).

Not here: formulas that the data has (`pipeline.problems.reference.formulas`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from toolsets.languages.formula.names import plain
from toolsets.languages.formula.syntax import Atom, Formula, Function, Not, Symbol, symbols

NEGATION = "not"
LITTLE = frozenset(  # words that names leave out
    {"a", "an", "the", "this", "it", "its", "that", "which", "who", "as"}
    | {"is", "are", "was", "were", "be", "been", "being", "has", "have", "had", "do", "does", "did"}
    | {"of", "in", "on", "at", "to", "by", "for", "from", "with"}
)
ENDINGS = ("s", "es", "d", "ed", "ing")  # what may set two words of one meaning apart
SHORTEST = 3  # letters of a word that may be inflected
MOST_ARGUMENTS = 2

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def plain_conclusion(premises: Sequence[Formula], sentence: str) -> Formula | None:
    """The literal that `sentence` says in the names of `premises`; None where it says something
    else, or may be read in two ways."""
    said = [plain(word) for word in re.findall(r"[\w-]+", sentence.replace("n't", " not"))]
    negated = said.count(NEGATION)
    if negated > 1:
        return None
    content = {at for at, word in enumerate(said) if word not in LITTLE and word != NEGATION}
    names = symbols(*premises)
    constants = {name: _runs(name.name, said) for name in names if name[::2] == ("function", 0)}
    found = []
    for predicate in (name for name in names if name.kind == "predicate"):
        covered = _spread(predicate.name, said)
        if covered is None or not 1 <= predicate.arity <= MOST_ARGUMENTS:
            continue
        for arguments in itertools.permutations(constants, predicate.arity):
            if _covers(content, covered, [constants[argument] for argument in arguments]):
                found.append(_atom(predicate, arguments))
    if len(found) != 1:
        return None
    return Not(found[0]) if negated else found[0]


def _runs(name: str, said: Sequence[str]) -> set[int] | None:
    """Where the words of a constant stand, side by side; None where they do not."""
    for start, end in itertools.combinations(range(len(said) + 1), 2):
        if "".join(said[start:end]) == plain(name):
            return set(range(start, end))
    return None


def _spread(name: str, said: Sequence[str]) -> set[int] | None:
    """Where the words of a predicate stand, as they are or inflected; None where one does not, or
    none says anything."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    telling = [part for part in parts if part not in LITTLE]
    places = [{at for at, word in enumerate(said) if _alike(part, word)} for part in telling]
    if not telling or NEGATION in parts or not all(places):
        return None
    return set().union(*places)


def _covers(content: set[int], predicate: set[int], arguments: Sequence[set[int] | None]) -> bool:
    return all(arguments) and content <= predicate.union(*filter(None, arguments))


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return short == long or (
        len(short) >= SHORTEST and long.startswith(short) and long[len(short) :] in ENDINGS
    )


def _atom(predicate: Symbol, arguments: Sequence[Symbol]) -> Atom:
    return Atom(predicate.name, tuple(Function(argument.name) for argument in arguments))

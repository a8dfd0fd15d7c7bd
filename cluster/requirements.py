"""Whether machines can hold what a run requires, before anything is started.

    fits = check([Requirement("train", "worker", {"CPU": 1, "GPU": 1}, 8, 8)], capacity)
    fits.verdict    "now", "later" (once the autoscaler has brought nodes), "never" or "unknown"

Counts what nodes have, not what is free: what others use will be given back.

Not here: what a recipe requires (`cluster.__main__`), what there is (`cluster.resources`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.table import Table

from cluster.resources import Bundle, Capacity

Verdict = Literal["now", "later", "unknown", "never"]
VERDICTS: tuple[Verdict, ...] = ("now", "later", "unknown", "never")  # from good to bad
SAID: dict[Verdict, str] = {
    "now": "fits on the nodes that are there",
    "later": "fits once the autoscaler has brought nodes",
    "unknown": "does not fit now; which nodes may come cannot be told from here",
    "never": "does not fit, and no node may come that it fits on",
}
SPREADS = "; vLLM's option distributed_executor_backend=ray spreads one over nodes"


class RequirementError(ValueError):
    """The machines can never hold a run; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A stage that needs `at_least` bundles at once and uses up to `at_most`, each on one node."""

    stage: str
    unit: str  # what a bundle is for, such as "engine"
    bundle: Bundle
    at_least: int
    at_most: int


@dataclass(frozen=True, slots=True)
class Place:
    """A requirement and how many of its bundles find a node."""

    required: Requirement
    there: int
    can_come: int  # with those that are there
    verdict: Verdict
    largest: Bundle  # what one node has at most of that of which none has enough for a bundle


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer for a whole run; its stages run one after the other."""

    places: Sequence[Place]

    @property
    def verdict(self) -> Verdict:
        worst = max((VERDICTS.index(place.verdict) for place in self.places), default=0)
        return VERDICTS[worst]


def check(requirements: Iterable[Requirement], capacity: Capacity) -> Fit:
    """Look for a place for every requirement."""
    return Fit([_place(required, capacity) for required in requirements])


def engines(stage: str, bundle: Bundle, parts: int, least: int, most: int) -> Requirement:
    """`least` to `most` engines, each of so many `parts` of a bundle, which find nodes alone."""
    unit = "engine" if parts == 1 else "engine rank"
    return Requirement(stage, unit, bundle, parts * least, parts * most)


def refuse_never(fit: Fit, where: str) -> None:
    """Raise RequirementError where a stage can never run on `where`."""
    for place in fit.places:
        if place.verdict == "never":
            need = place.required
            raise RequirementError(
                f"{where} can never run {need.stage}: it needs {need.at_least} "
                f"{plural(need.unit, need.at_least)} of {sizes(need.bundle)} at once; there is "
                f"room for {place.there} now, for {place.can_come} at most{_too_small(place)}"
            )


def as_json(fit: Fit) -> dict[str, Any]:
    """The answer as plain data."""
    return {
        "verdict": fit.verdict,
        "stages": {
            place.required.stage: {
                "unit": place.required.unit,
                "bundle": dict(place.required.bundle),
                "at_least": place.required.at_least,
                "at_most": place.required.at_most,
                "there": place.there,
                "can_come": place.can_come,
                "verdict": place.verdict,
            }
            for place in fit.places
        },
    }


def as_table(fit: Fit) -> Table:
    """The answer for the eye: a line per stage, and the verdict below."""
    said = f"the run {SAID[fit.verdict]}"
    table = Table(
        "stage", "needs", "room now", "room at most", caption=said, caption_justify="left"
    )
    for place in fit.places:
        need = place.required
        few, many = need.at_least, need.at_most
        count = f"{few}" if few == many else f"{few} to {many}"
        needs = f"{count} {plural(need.unit, many)} of {sizes(need.bundle)}"
        table.add_row(need.stage, needs, f"{place.there}", f"{place.can_come}")
    return table


def sizes(bundle: Bundle) -> str:
    """A bundle as text: 1 CPU and 4 GPUs."""
    asked = [(name, amount) for name, amount in bundle.items() if amount]
    return " and ".join(f"{amount:g} {plural(name, amount)}" for name, amount in asked)


def plural(unit: str, count: float) -> str:
    return unit if count == 1 else f"{unit}s"


def _too_small(place: Place) -> str:
    if not place.largest:
        return ""
    most = " and ".join(f"{amount:g} {plural(n, amount)}" for n, amount in place.largest.items())
    unit = place.required.unit
    remedy = SPREADS if unit == "engine" and place.largest.get("GPU") else ""
    return f", as each {unit} takes one node and none has more than {most}{remedy}"


def _place(required: Requirement, capacity: Capacity) -> Place:
    there, can_come = capacity.places(required.bundle)
    if there >= required.at_least:
        verdict: Verdict = "now"
    elif can_come >= required.at_least:
        verdict = "later"
    else:
        verdict = "never" if capacity.known else "unknown"
    return Place(required, there, can_come, verdict, capacity.too_small(required.bundle))

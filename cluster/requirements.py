"""Check whether the machines can hold a run, before it starts.

    fit = check([Requirement("train", "worker", {"CPU": 1, "GPU": 1}, 8, 8)], capacity)
    fit.verdict    "now", "later" (after the autoscaler has added nodes), "never" or "unknown"

Counts what nodes have, not what is free: other users give back what they use now.

Not here: the requirements of a recipe (`pipeline.generation.pool`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.table import Table

from cluster.resources import Bundle, Capacity

Verdict = Literal["now", "later", "unknown", "never"]
VERDICTS: tuple[Verdict, ...] = ("now", "later", "unknown", "never")  # from best to worst
VERDICT_TEXTS: dict[Verdict, str] = {
    "now": "fits on the current nodes",
    "later": "fits after the autoscaler has added nodes",
    "unknown": "does not fit now; the nodes that can be added are unknown",
    "never": "does not fit, even after the autoscaler has added nodes",
}
SPREAD_HINT = (
    "; vLLM's option distributed_executor_backend=ray spreads an engine over several nodes"
)


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
    """A requirement and how many of its bundles fit."""

    required: Requirement
    there: int  # bundles that fit on the current nodes
    can_come: int  # bundles that fit after growing, `there` included
    verdict: Verdict
    largest: Bundle  # `Capacity.too_small` of the bundle


@dataclass(frozen=True, slots=True)
class Fit:
    """The result for a whole run; its stages run one after the other."""

    places: Sequence[Place]

    @property
    def verdict(self) -> Verdict:
        worst = max((VERDICTS.index(place.verdict) for place in self.places), default=0)
        return VERDICTS[worst]


def check(requirements: Iterable[Requirement], capacity: Capacity) -> Fit:
    """Count the bundles of every requirement that fit."""
    return Fit([_place(required, capacity) for required in requirements])


def engines(stage: str, bundle: Bundle, parts: int, least: int, most: int) -> Requirement:
    """`least` to `most` engines of `parts` bundles each; the bundles may be on different nodes."""
    unit = "engine" if parts == 1 else "engine rank"
    return Requirement(stage, unit, bundle, parts * least, parts * most)


def refuse_never(fit: Fit, where: str) -> None:
    """Raise RequirementError if a stage can never run on `where`."""
    for place in fit.places:
        if place.verdict == "never":
            need = place.required
            raise RequirementError(
                f"{where} can never run {need.stage}: it needs {need.at_least} "
                f"{plural(need.unit, need.at_least)} of {sizes(need.bundle)} at once; "
                f"{place.there} fit now, {place.can_come} at most{_shortage(place)}"
            )


def as_json(fit: Fit) -> dict[str, Any]:
    """The result as plain data."""
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
    """The result for the terminal: a row per stage, and the verdict below."""
    verdict = f"the run {VERDICT_TEXTS[fit.verdict]}"
    table = Table(
        "stage", "needs", "fit now", "fit at most", caption=verdict, caption_justify="left"
    )
    for place in fit.places:
        need = place.required
        few, many = need.at_least, need.at_most
        count = f"{few}" if few == many else f"{few} to {many}"
        needs = f"{count} {plural(need.unit, many)} of {sizes(need.bundle)}"
        table.add_row(need.stage, needs, f"{place.there}", f"{place.can_come}")
    return table


def sizes(bundle: Bundle) -> str:
    """A bundle as text, such as 1 CPU and 4 GPUs."""
    needed = [(name, amount) for name, amount in bundle.items() if amount]
    return " and ".join(f"{amount:g} {plural(name, amount)}" for name, amount in needed)


def plural(unit: str, count: float) -> str:
    return unit if count == 1 else f"{unit}s"


def _shortage(place: Place) -> str:
    """Why no single node holds a bundle; empty if one does."""
    if not place.largest:
        return ""
    unit = place.required.unit
    hint = SPREAD_HINT if unit == "engine" and place.largest.get("GPU") else ""
    most = " and ".join(f"{amount:g} {plural(n, amount)}" for n, amount in place.largest.items())
    return f", because each {unit} needs one node and no node has more than {most}{hint}"


def _place(required: Requirement, capacity: Capacity) -> Place:
    there, can_come = capacity.places(required.bundle)
    if there >= required.at_least:
        verdict: Verdict = "now"
    elif can_come >= required.at_least:
        verdict = "later"
    else:
        verdict = "never" if capacity.known else "unknown"
    return Place(required, there, can_come, verdict, capacity.too_small(required.bundle))

"""cluster.requirements: now, later or never."""

from __future__ import annotations

import pytest

from cluster.requirements import Requirement, RequirementError, as_json, check, refuse_never
from cluster.resources import HEAD, Bundle, Capacity, NodeGroup

ENGINE = Requirement("generate", "engine", {"CPU": 1, "GPU": 4}, at_least=1, at_most=4)
WORKERS = Requirement("train", "worker", {"CPU": 1, "GPU": 1}, at_least=8, at_most=8)
HEAD_ONLY = ({HEAD: 1.0, "CPU": 0.0},)


def grows_to(nodes: int) -> Capacity:
    return Capacity(HEAD_ONLY, (NodeGroup("gpu", {"CPU": 48, "GPU": 4}, nodes),), nodes)


def test_what_is_there_fits_now() -> None:
    there = Capacity(({"CPU": 8.0, "GPU": 8.0},))
    assert check([ENGINE, WORKERS], there).verdict == "now"


def test_what_may_come_fits_later() -> None:
    fit = check([ENGINE, WORKERS], grows_to(2))
    assert fit.verdict == "later"
    assert [(place.there, place.can_come) for place in fit.places] == [(0, 2), (0, 8)]
    refuse_never(fit, "the cluster")


def test_the_worst_stage_decides() -> None:
    fit = check([ENGINE, WORKERS], grows_to(1))
    assert [place.verdict for place in fit.places] == ["later", "never"]
    assert fit.verdict == "never"


def test_what_can_never_fit_is_refused_with_need_and_room() -> None:
    with pytest.raises(RequirementError) as raised:
        refuse_never(check([ENGINE, WORKERS], grows_to(1)), "the cluster")
    assert str(raised.value) == (
        "the cluster can never run train: it needs 8 workers of 1 CPU and 1 GPU at once; "
        "there is room for 0 now, for 4 at most"
    )


def test_a_bundle_that_no_single_node_holds_is_refused_with_the_largest_node() -> None:
    wide = Requirement("generate", "engine", {"CPU": 1, "GPU": 16}, at_least=1, at_most=1)
    two_nodes = Capacity(({"CPU": 64.0, "GPU": 8.0}, {"CPU": 64.0, "GPU": 8.0}))
    with pytest.raises(RequirementError) as raised:
        refuse_never(check([wide], two_nodes), "the cluster")
    assert str(raised.value) == (
        "the cluster can never run generate: it needs 1 engine of 1 CPU and 16 GPUs at once; "
        "there is room for 0 now, for 0 at most, as each engine takes one node and none has more "
        "than 8 GPUs; vLLM's option distributed_executor_backend=ray spreads one over nodes"
    )


@pytest.mark.parametrize(
    ("bundle", "most"), [({"CPU": 8}, "2 CPUs"), ({"CPU": 1, "GPU": 1}, "0 GPUs")]
)
def test_what_no_spreading_helps_is_refused_without_it(bundle: Bundle, most: str) -> None:
    engine = Requirement("generate", "engine", bundle, at_least=1, at_most=1)
    with pytest.raises(RequirementError, match=f"none has more than {most}$"):
        refuse_never(check([engine], Capacity(({"CPU": 2.0},))), "this machine")


def test_where_nobody_knows_what_may_come_nothing_is_refused() -> None:
    fit = check([ENGINE], Capacity(HEAD_ONLY, known=False))
    assert fit.verdict == "unknown"
    refuse_never(fit, "the cluster")


def test_no_requirement_fits_anywhere() -> None:
    assert check([], Capacity(HEAD_ONLY)).verdict == "now"


def test_json_holds_every_stage() -> None:
    told = as_json(check([ENGINE, WORKERS], grows_to(2)))
    assert told["verdict"] == "later"
    assert told["stages"]["generate"] == {
        "unit": "engine",
        "bundle": {"CPU": 1, "GPU": 4},
        "at_least": 1,
        "at_most": 4,
        "there": 0,
        "can_come": 2,
        "verdict": "later",
    }

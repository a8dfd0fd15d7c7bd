"""cluster.requirements: the verdicts now, later, unknown and never."""

from __future__ import annotations

import pytest

from cluster.requirements import Requirement, RequirementError, as_json, check, refuse_never
from cluster.resources import HEAD, Bundle, Capacity, NodeGroup

ENGINE = Requirement("generate", "engine", {"CPU": 1, "GPU": 4}, at_least=1, at_most=4)
WORKERS = Requirement("train", "worker", {"CPU": 1, "GPU": 1}, at_least=8, at_most=8)
HEAD_ONLY = ({HEAD: 1.0, "CPU": 0.0},)


def grows_to(nodes: int) -> Capacity:
    return Capacity(HEAD_ONLY, (NodeGroup("gpu", {"CPU": 48, "GPU": 4}, nodes),), nodes)


def test_bundles_that_fit_on_current_nodes_fit_now() -> None:
    capacity = Capacity(({"CPU": 8.0, "GPU": 8.0},))
    assert check([ENGINE, WORKERS], capacity).verdict == "now"


def test_bundles_that_fit_after_growing_fit_later() -> None:
    fit = check([ENGINE, WORKERS], grows_to(2))
    assert fit.verdict == "later"
    assert [(place.there, place.can_come) for place in fit.places] == [(0, 2), (0, 8)]
    refuse_never(fit, "the cluster")


def test_the_worst_stage_decides() -> None:
    fit = check([ENGINE, WORKERS], grows_to(1))
    assert [place.verdict for place in fit.places] == ["later", "never"]
    assert fit.verdict == "never"


def test_a_stage_that_never_fits_is_refused_with_both_counts() -> None:
    with pytest.raises(RequirementError) as raised:
        refuse_never(check([ENGINE, WORKERS], grows_to(1)), "the cluster")
    assert str(raised.value) == (
        "the cluster can never run train: it needs 8 workers of 1 CPU and 1 GPU at once; "
        "0 fit now, 4 at most"
    )


def test_a_bundle_too_large_for_each_node_is_refused_with_the_largest_amount() -> None:
    wide = Requirement("generate", "engine", {"CPU": 1, "GPU": 16}, at_least=1, at_most=1)
    two_nodes = Capacity(({"CPU": 64.0, "GPU": 8.0}, {"CPU": 64.0, "GPU": 8.0}))
    with pytest.raises(RequirementError) as raised:
        refuse_never(check([wide], two_nodes), "the cluster")
    assert str(raised.value) == (
        "the cluster can never run generate: it needs 1 engine of 1 CPU and 16 GPUs at once; "
        "0 fit now, 0 at most, because each engine needs one node and no node has more than 8 "
        "GPUs; vLLM's option distributed_executor_backend=ray spreads an engine over several nodes"
    )


@pytest.mark.parametrize(
    ("bundle", "most"), [({"CPU": 8}, "2 CPUs"), ({"CPU": 1, "GPU": 1}, "0 GPUs")]
)
def test_spreading_is_not_suggested_where_it_cannot_help(bundle: Bundle, most: str) -> None:
    engine = Requirement("generate", "engine", bundle, at_least=1, at_most=1)
    with pytest.raises(RequirementError, match=f"no node has more than {most}$"):
        refuse_never(check([engine], Capacity(({"CPU": 2.0},))), "this machine")


def test_nothing_is_refused_if_the_growth_is_unknown() -> None:
    fit = check([ENGINE], Capacity(HEAD_ONLY, known=False))
    assert fit.verdict == "unknown"
    refuse_never(fit, "the cluster")


def test_an_empty_list_of_requirements_fits_now() -> None:
    assert check([], Capacity(HEAD_ONLY)).verdict == "now"


def test_json_has_every_stage() -> None:
    result = as_json(check([ENGINE, WORKERS], grows_to(2)))
    assert result["verdict"] == "later"
    assert result["stages"]["generate"] == {
        "unit": "engine",
        "bundle": {"CPU": 1, "GPU": 4},
        "at_least": 1,
        "at_most": 4,
        "there": 0,
        "can_come": 2,
        "verdict": "later",
    }

"""cluster.resources: what is there and what may come, counted by hand."""

from __future__ import annotations

import pytest

from cluster.resources import HEAD, Capacity, NodeGroup, of, this_machine

CONFIG = {
    "head_node_type": "head",
    "max_workers": 3,
    "available_node_types": {
        "head": {"resources": {"CPU": 0}, "max_workers": 0},
        "cpu": {"resources": {"CPU": 8}, "min_workers": 0, "max_workers": 2},
        "gpu": {"resources": {"CPU": 48, "GPU": 4}, "min_workers": 0},
    },
}
ALONE = ({HEAD: 1.0, "memory": 1e9},)


def test_groups_are_read_but_the_head() -> None:
    assert of(ALONE, CONFIG).groups == (
        NodeGroup("cpu", {"CPU": 8}, 2),
        NodeGroup("gpu", {"CPU": 48, "GPU": 4}, 3),  # as many as workers in all
    )


def test_the_ceiling_counts_the_best_nodes_within_the_limit_of_all_groups() -> None:
    capacity = of(ALONE, CONFIG)
    assert capacity.present.get("CPU", 0) == 0
    assert capacity.ceiling["CPU"] == 3 * 48
    assert capacity.ceiling["GPU"] == 3 * 4
    assert capacity.ceiling["memory"] == 1e9


@pytest.mark.parametrize(
    ("bundle", "places"),
    [
        ({"CPU": 1}, 144),
        ({"CPU": 8}, 18),  # 3 x 6 on GPU nodes
        ({"CPU": 0, "GPU": 4}, 3),
        ({"CPU": 1, "GPU": 3}, 3),  # a fourth GPU of each node stays free
        ({"CPU": 1, "GPU": 8}, 0),  # no node has 8, though the cluster may come to have 12
        ({"CPU": 49}, 0),
    ],
)
def test_a_bundle_finds_its_place_on_one_node(bundle: dict[str, float], places: int) -> None:
    assert of(ALONE, CONFIG).places(bundle) == (0, places)


def test_nodes_that_are_there_are_not_counted_twice() -> None:
    grown = of((*ALONE, {"CPU": 48.0, "GPU": 4.0}), CONFIG)
    assert grown.places({"GPU": 4}) == (1, 3)
    assert grown.ceiling["GPU"] == 12


def test_nodes_of_no_group_count_although_no_more_can_come() -> None:
    assert Capacity(({"CPU": 2.0}, {"CPU": 2.0})).places({"CPU": 1}) == (4, 4)


def test_without_an_autoscaler_there_is_what_there_is() -> None:
    capacity = of(({HEAD: 1.0, "CPU": 2.0},), {})
    assert capacity.known
    assert capacity.ceiling["CPU"] == capacity.present["CPU"] == 2


def test_an_autoscaler_that_is_not_found_leaves_open_what_may_come() -> None:
    capacity = of(ALONE, None)
    assert not capacity.known
    assert capacity.places({"CPU": 1}) == (0, 0)


def test_this_machine_has_cpus() -> None:
    assert this_machine().present["CPU"] >= 1

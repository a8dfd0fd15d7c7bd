"""cluster.resources: current nodes and possible nodes, counted by hand."""

from __future__ import annotations

import pytest

from cluster.resources import HEAD, Capacity, NodeGroup, capacity_from, this_machine

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


def test_all_groups_except_the_head_are_read() -> None:
    assert capacity_from(ALONE, CONFIG).groups == (
        NodeGroup("cpu", {"CPU": 8}, 2),
        NodeGroup("gpu", {"CPU": 48, "GPU": 4}, 3),  # the limit of all groups
    )


def test_the_ceiling_counts_the_largest_nodes_within_the_limit_of_all_groups() -> None:
    capacity = capacity_from(ALONE, CONFIG)
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
        ({"CPU": 1, "GPU": 8}, 0),  # no node has 8, although the cluster can grow to 12
        ({"CPU": 49}, 0),
    ],
)
def test_a_bundle_must_fit_on_one_node(bundle: dict[str, float], places: int) -> None:
    assert capacity_from(ALONE, CONFIG).places(bundle) == (0, places)


def test_current_nodes_are_not_counted_twice() -> None:
    grown = capacity_from((*ALONE, {"CPU": 48.0, "GPU": 4.0}), CONFIG)
    assert grown.places({"GPU": 4}) == (1, 3)
    assert grown.ceiling["GPU"] == 12


def test_nodes_outside_all_groups_are_counted() -> None:
    assert Capacity(({"CPU": 2.0}, {"CPU": 2.0})).places({"CPU": 1}) == (4, 4)


def test_without_an_autoscaler_the_ceiling_is_the_present() -> None:
    capacity = capacity_from(({HEAD: 1.0, "CPU": 2.0},), {})
    assert capacity.known
    assert capacity.ceiling["CPU"] == capacity.present["CPU"] == 2


def test_growth_is_unknown_if_no_autoscaler_is_found() -> None:
    capacity = capacity_from(ALONE, None)
    assert not capacity.known
    assert capacity.places({"CPU": 1}) == (0, 0)


def test_this_machine_has_cpus() -> None:
    assert this_machine().present["CPU"] >= 1

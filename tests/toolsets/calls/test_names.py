"""Matching the name that a model wrote with the functions that exist."""

from __future__ import annotations

import pytest

from toolsets.calls.names import match_name

KNOWN = ("add", "Gcd", "gcd", "math.sqrt", "tools")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("add", "add"),
        ("ADD", "add"),
        ("functions.add", "add"),
        ("Functions.Add", "add"),
        ("tools.add", "add"),
        ("default_api.add", "add"),
        ("functions.math.sqrt", "math.sqrt"),
        ("Math.Sqrt", "math.sqrt"),
        ("gcd", "gcd"),
        ("tools.Gcd", "Gcd"),
        ("tools", "tools"),
    ],
)
def test_a_name_with_a_prefix_or_in_another_case_is_matched(name: str, meant: str) -> None:
    assert match_name(name, KNOWN) == meant


@pytest.mark.parametrize("name", ["GCD", "ad", "add_", "api.add", "math.add", "sqrt", ""])
def test_an_ambiguous_or_unknown_name_is_not_matched(name: str) -> None:
    assert match_name(name, KNOWN) is None

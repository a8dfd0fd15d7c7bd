"""ECMA patterns, with a text that matches and one that does not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolsets.sources.patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "match", "other"),
    [
        (r"^\p{L}+$", "é", "1"),
        (r"^\p{Lu}\P{Lu}$", "Éa", "aa"),
        (r"^\p{Script=Greek}+$", "αβ", "ab"),
        (r"^[\p{L}-]+$", "é-", "1"),
        (r"^[[a]+$", "[a", "b"),
        (r"^[a&&b]$", "&", "c"),
        (r"^[<>~]$", "<", "\\"),
        (r"^\<a\>$", "<a>", "a"),
        (r"^[a\]]+$", "a]", "b"),
        (r"^[^\]]$", "a", "]"),
        (r"^[\w-]+$", "a-b", "é"),
        (r"^[\d-x]+$", "5-x", "a"),
        (r"^[+--]$", ",", "a"),
        (r"^[^\W]$", "a", "é"),
        (r"^[\b]$", "\b", "b"),
        ("^[^]$", "\n", "ab"),
        ("^a[]?$", "a", "b"),
        (r"^\cA\0$", "\x01\0", "A0"),
        (r"^{.*}$", "{a}", "a"),
        (r"^a{,3}$", "a{,3}", "aa"),
        (r"^a{2,3}$", "aa", "a"),
        (r"^\uD83D\uDE00\u00e9$", "😀é", "a"),
        (r"^\u{1F600}$", "😀", "a"),
        (r"^\/\-\@$", "/-@", "a"),
        (r"^.$", "a", "\u2028"),
        (r"^\s$", "\ufeff", "a"),
        (r"^\d$", "5", "\u0665"),
        (r"\bfoo\b", "a foo", "food"),
        ("^a$", "a", "a\n"),
        ("^(?<year>[0-9]{4})$", "2024", "24"),
        ("^.$", "\ud800", "\ud800\ud800"),
    ],
)
def test_a_pattern_has_its_meaning_in_ecma(pattern: str, match: str, other: str) -> None:
    matches = matcher(pattern)
    assert matches is not None
    assert matches(match) and not matches(other)


@pytest.mark.parametrize(
    "pattern",
    [r"(?=a)", r"(?<!a)b", r"(a)\1", r"\012", "[", "[a", "(", "\\", "a{100000}{1000}", r"\Z"],
)
def test_what_linear_time_does_not_allow_has_no_matcher(pattern: str) -> None:
    assert matcher(pattern) is None


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(x+x+)+y", "^([a-z]+.?)+$"])
def test_no_pattern_needs_exponential_time(pattern: str) -> None:
    matches = matcher(pattern)
    assert matches is not None
    start = time.monotonic()
    matches("a" * 10_000 + "!")
    matches("x" * 10_000)
    assert time.monotonic() - start < 2


@given(st.text(), st.text())
def test_any_pattern_is_matched_or_has_no_matcher(pattern: str, text: str) -> None:
    matches = matcher(pattern)
    assert matches is None or matches(text) in (True, False)

"""Attacks by calls of a model and by functions, with the expected outcome of each.

A module per toolset: `ATTACKS` has the texts of calls by the expected kind of failure, or `ok` for
an ordinary result. `functions` is a hostile toolset; its attempts are in the other modules.

Not here: running them (`tests.toolsets.execution.test_attacks`).
"""

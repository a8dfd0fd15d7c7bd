"""Attacks as data: what a model, or a function, tries, and what must come of it.

A module per toolset: `ATTACKS` holds the text of a call and the kind of failure expected, `ok`
where the attack is to end as an ordinary result. `functions` is a toolset that misbehaves itself.

Not here: how they are run (`tests.toolsets.execution.test_attacks`).
"""

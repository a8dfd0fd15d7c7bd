"""Problems to chains to pairs to a student to its evaluation.

A pure core (`CORE`: no ray, torch, vllm or transformers) and thin adapters around it.
"""

CORE = frozenset(
    f"pipeline.{name}"
    for name in (
        "agent",
        "conclusions",
        "errors",
        "hashing",
        "estimate",
        "formulas",
        "hygiene",
        "metrics",
        "models",
        "pairing",
        "pocket.arithmetic",
        "pocket.logic",
        "pocket.models",
        "pocket.sentences",
        "pocket.told",
        "pocket.world",
        "recipe",
        "records",
        "reference",
        "self_made",
        "statistics",
        "tasks",
        "worked",
    )
)

# Modules in those rooms that are adapters all the same.
ADAPTERS = frozenset[str]()

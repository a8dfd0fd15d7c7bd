"""Problems to chains to pairs to a student to its evaluation.

A pure core (`CORE`: no ray, torch, vllm or transformers) and thin adapters around it.
"""

CORE = frozenset(
    f"pipeline.{name}"
    for name in (
        "agent",
        "errors",
        "hashing",
        "pairs",
        "problems",
        "recipe",
        "records",
    )
)

# Modules in those rooms that are adapters all the same.
ADAPTERS = frozenset({"pipeline.pairs.stage"})

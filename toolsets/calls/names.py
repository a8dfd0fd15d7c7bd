"""Match the name that a model wrote with the functions that exist."""

from __future__ import annotations

from collections.abc import Collection

# What models put before a name, after the declarations that they were trained on.
PREFIXES = ("functions.", "function.", "tools.", "tool.", "default_api.")


def match_name(name: str, known: Collection[str]) -> str | None:
    """The known function that `name` means, or None.

    It is the same name, without a prefix of `PREFIXES`, or the only one that differs in case only.
    """
    if name in known:
        return name
    prefix = next((p for p in PREFIXES if name.lower().startswith(p)), "")
    bare = name[len(prefix) :]
    if bare in known:
        return bare
    same = [each for each in known if each.casefold() in (name.casefold(), bare.casefold())]
    return same[0] if len(same) == 1 else None

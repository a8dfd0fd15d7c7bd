"""Load, generate, check, split and decontaminate problems.

    source           load the problems of a recipe
    reader           read files and data sets; list the rejected rows
    golds            gold answers that are compared as plain text
    formats/         containers (JSONL, CSV, Parquet, hub) and row formats (GSM8K, FOLIO, generic)
    decontamination  find training problems that occur in an evaluation split
    synthetic        problems written by a model, and the checks they must pass
    reference/       reference solutions: calculations and formulas as calls and chains
    pocket/          generator of the pocket world

Only `formats.containers` reads data and only `reader` writes files. No Ray, no torch.
"""

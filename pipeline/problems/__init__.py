"""Problems: read from files and data sets, generated, checked, split and decontaminated.

    source           the problems of a recipe
    reader           files and data sets, with the rows that could not be used
    formats/         containers (JSONL, CSV, Parquet, hub) and row formats (GSM8K, FOLIO, generic)
    decontamination  training problems that occur in an evaluation split
    synthetic        problems written by a model, and when they are trusted
    reference/       reference solutions: calculations and formulas as calls and chains
    pocket/          the generator of the pocket world

Pure but for the files that `formats.containers` reads. No Ray, no torch.
"""

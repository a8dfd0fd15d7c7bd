"""The recipe: everything that can be set for a run, its types, defaults, bounds and units.

    load        reads and validates a YAML file with overrides
    values      YAML values by the type of their field
    problems, models, pairs, training, evaluation, cluster, serving
                one module per section of the file
    unused      settings that cannot have an effect

Pure: no access to the machine or to the files that a recipe names.
"""

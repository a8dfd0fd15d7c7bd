"""vLLM engines, and the checks of a model before an engine starts.

    engine          one engine on this machine and its processes
    watch           detects an engine that hangs
    options         vLLM's engine options and their allowed values
    tool_parsers    vLLM's parsers of native tool calls
    model_paths     resolves a recipe's model to a folder or hub name
    model_dialects  the dialect of a recipe's model, checked against its chat template

Generation and serving both start engines and import this package. It is not in `cluster/`, which
handles machines and does not depend on models.
"""

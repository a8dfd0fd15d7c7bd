"""vLLM, and what is known of a model before an engine is started for it.

    engine          one engine on this machine, its processes and its end
    options         which engine options exist and which values they take
    tool_parsers    vLLM's parsers of native tool calls
    model_paths     the folder or hub name that a recipe's model stands for
    model_dialects  the dialect of a recipe's model, checked against its chat template

Generation and serving both start engines, so this room is open to both. It is not in `cluster/`,
which is about machines and knows nothing of models.
"""

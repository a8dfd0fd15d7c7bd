"""Calls: how a call is written and read.

    model       a call as written, a call as bound, a result
    parse       the one call in a model's reply
    repair      calls in prose and in other notation, read where there is one reading
    json_forms  calls written as JSON
    literal     arguments as literal values
    render      the text of a call

Nothing is evaluated. Not here: whether the function exists and the arguments fit
(`toolsets.tools`).
"""

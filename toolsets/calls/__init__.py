"""Calls: parsing the text of a call, and writing it.

    model       a call as written, a call as bound, a result
    parse       the one call in a model's reply
    repair      calls in prose and in unusual notation, if unambiguous
    json_forms  calls written as JSON
    literal     arguments as literal values
    render      the text of a call

Nothing is evaluated. `toolsets.catalog` looks up the function, `toolsets.tools` checks the
arguments.
"""

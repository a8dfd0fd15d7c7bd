"""Calls: parsing the text of a call, and writing it.

    model        a call as written, a call as bound, a result
    parse        the calls in a model's reply: parse_call for one, parse_calls for all
    scan         where calls and thoughts stand in a reply
    python_form  calls in Python's form
    json_forms   calls written as JSON
    xml_forms    calls written as tags
    parts        replies that are a list of content parts
    repair       unusual notation, repaired if unambiguous, or explained
    readings     texts and numbers that Python reads silently in one of two ways
    literal      arguments as literal values
    names        the known function that a written name means
    render       the text of a call

Nothing is evaluated. `toolsets.catalog` looks up the function, `toolsets.tools` checks the
arguments.
"""

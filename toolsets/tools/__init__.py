"""Tools: a typed Python function as something that a model may call.

tool        Tool, Limits, Number
decorator   @tool builds one from a function
signature   types, defaults and the JSON Schema of a function's parameters
docstring   description, parameters and example
schema      JSON Schemas as text and without references
binding     a written call's arguments bound to parameters and validated
running     the function run in this process; its result as text
numbers     exact numbers, read and written
"""

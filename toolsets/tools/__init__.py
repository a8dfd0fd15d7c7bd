"""Tools: typed Python functions that a model may call.

tool        Tool, Limits, Number
decorator   @tool builds one from a function
signature   types, defaults and the JSON Schema of a function's parameters
docstring   description and example from a docstring
schema      JSON Schemas without references, and as short text
forms       arguments whose type only the schema tells
binding     bind a written call's arguments to parameters and validate them
running     run the function in this process
writing     write its result as text, or refuse it
numbers     read and write exact numbers
"""

"""The catalog: sets of tools, and how one is found by name.

toolset   an ordered set of tools
load      names such as arithmetic[add,divide]+my_tools:toolset
modules   a toolset of the user's own in its module
grammar   a grammar of a toolset's calls, for constrained decoding
"""

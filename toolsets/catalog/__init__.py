"""The catalog: sets of tools, loaded by name.

toolset   an ordered set of tools
load      load a toolset by a name such as arithmetic[add,divide]+my_tools:toolset
synonyms  names that toolsets do not have, and the call to write instead
modules   import a user's toolset from its module
grammar   the grammar of a toolset's calls, for constrained decoding
"""

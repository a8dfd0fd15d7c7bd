"""Formulas of first-order logic: syntax tree, strict parser, and lenient parser for data files.

syntax       tree, rendering, substitution
tokens       signs, words and the scanner; the errors
checks       texts with two readings, and free variables
terms        parser for terms
quantifiers  parser for quantifiers
parser       strict parser
suggestions  what a formula that cannot be read may have meant
lenient      parser for data files that repairs formulas and reports each repair
repairs      repairs of one formula's text and tokens
names        one spelling per name across the formulas of a problem
"""

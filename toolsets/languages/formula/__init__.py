"""Formulas of first-order logic: syntax tree, strict parser, and lenient parser for data files.

syntax    tree, rendering, substitution
parser    strict parser
lenient   parser for data files that repairs formulas and reports each repair
repairs   repairs of one formula's text and tokens
names     one spelling per name across the formulas of a problem
"""

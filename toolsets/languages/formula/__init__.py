"""Formulas of first-order logic: their syntax, a strict parser, and a lenient one for data files.

syntax    the tree, rendering, substitution
parser    text to tree, strictly
lenient   data files: repaired where needed, each repair reported
repairs   the repairs of one formula's text
names     one spelling per name, across the formulas of a problem
"""

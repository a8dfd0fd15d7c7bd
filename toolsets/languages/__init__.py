"""The two languages of function arguments, each with its parser; nothing is evaluated.

    expression/  mathematics and constraints
    formula/     first-order logic
    climbing     precedence climbing, shared by both parsers

Not here: evaluating the trees (`toolsets.shipped`).
"""

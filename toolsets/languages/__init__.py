"""The two languages of function arguments, each with its parser; nothing is evaluated.

    expression/  mathematics and constraints
    formula/     first-order logic
    decimals     exact numbers as decimals, and back
    climbing     precedence climbing, shared by both parsers

Not here: evaluating the trees (`toolsets.shipped`).
"""

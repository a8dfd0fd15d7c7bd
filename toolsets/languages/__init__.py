"""Languages that arguments are written in, each with a parser of its own; nothing is evaluated.

    expression/  mathematics and constraints
    formula/     first-order logic
    climbing     precedence climbing, which both parsers share

Not here: what the nodes mean (`toolsets.shipped`).
"""

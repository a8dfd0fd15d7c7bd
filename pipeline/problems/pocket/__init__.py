"""The pocket world: generated word problems of arithmetic and first-order logic.

    world        problems of each split, a fixed sequence for each seed
    arithmetic   a quantity that changes in 1 to 4 calls
    logic        facts and rules about people, and a question whether something follows
    sentences    names, nouns and adjectives of the logic problems
    narration    an order of told facts

Not here: the two models that are trained on it (`pipeline.pocket`).
"""

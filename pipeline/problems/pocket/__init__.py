"""The pocket world: generated word problems of arithmetic and first-order logic.

    world        problems of each split, a fixed sequence for each seed
    arithmetic   a quantity that changes in 1 to 4 calls
    logic        facts and rules about people, and a question whether a conclusion follows
    sentences    the statements of logic problems, in English and as formulas
    template     the template of a question, by which problems are held out
    narration    a problem under construction, its sentences in seen or unseen wordings

Not here: the two models that are trained on these problems (`pipeline.pocket`).
"""

"""The pocket models: a small teacher and student, trained on the generated pocket problems.

With them the whole system runs without downloading weights. `train` trains the models; they are
ordinary Hugging Face folders next to this file. Not here: the generator of the problems
(`pipeline.problems.pocket`).
"""

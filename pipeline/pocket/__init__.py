"""The pocket world: problems that the repository generates and two small models trained on them.

It lets the whole system run where no weights can be downloaded. `world` makes the problems,
`train` the models; the models are ordinary Hugging Face folders beside this file.
"""

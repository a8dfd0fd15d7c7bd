"""Reference solutions of the data, replayed as calls.

calculations   annotated calculations, such as GSM8K's <<48/2=24>>
formulas       first-order formulas of premises and conclusions, such as FOLIO's
conclusions    convert simple conclusions in English to formulas
chain          a reference solution as a chain of calls
"""

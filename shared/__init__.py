"""What aks-hublink knows and does; the functions in `functions/` only call it.

Layers, each importing only those below: `runtime` and `loop` tie everything together, `apply` and `observe` talk to
Azure, `plan` decides, `model` describes.
"""

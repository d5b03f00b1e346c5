"""Readers of weights, one format a file: what tensors a file holds, and where their elements lie.

In: an open file of known length. Out: ``Contents``. Guaranteed: nothing in a file is executed, no length in it is
believed before it was compared with the file's, and what is not understood is refused or said to be opaque.
"""

"""Kernels, each backend in a file of its own that needs nothing but the standard library and its framework."""

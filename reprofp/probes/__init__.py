"""Probes: each looks at one part of the world and reports the facts of one facet."""

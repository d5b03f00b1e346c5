"""Facts, facets, canonical bytes, fingerprints and records: pure values, no input or output."""

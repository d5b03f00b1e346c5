"""The ledger: an append-only, compressed, content-addressed store of records."""

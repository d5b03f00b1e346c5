"""The daemon: one process that writes the ledger for many, and answers who may ask."""

"""The local copy of the ledger and the outbox in one SQLite file, and the reads that fill it."""

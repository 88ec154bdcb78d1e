"""The audit trail: who requested what. Observed, redacted, written in batches and read."""

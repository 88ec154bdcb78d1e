"""Who asked for what."""

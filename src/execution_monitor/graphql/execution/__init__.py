"""Where operations run, and events become payloads."""

"""What operators watch, for Prometheus: kept and read in a registry of each application's own."""

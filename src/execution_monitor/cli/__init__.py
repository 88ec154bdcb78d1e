"""The command line: `execution-monitor serve`, `demo`, `load`, `watch` and the others."""

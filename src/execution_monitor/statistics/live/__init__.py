"""Live statistics: answers that follow the changes of executions, each the same as a fresh one at its instant.

Equal questions share one `Feed`. It reads once, and from then on adds the images of changes and takes them out again.
"""

"""Conveniences of one's own machine; never imported by the app."""

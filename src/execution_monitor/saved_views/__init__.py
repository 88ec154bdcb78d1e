"""Saved views: pages of the dashboard that people keep under a name, and share with their tenant."""

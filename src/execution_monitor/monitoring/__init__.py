"""What the product does: list, fetch and follow executions."""

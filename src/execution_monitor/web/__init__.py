"""What is neither GraphQL nor REST: the dashboard, health, metrics, sign-in, and middleware."""

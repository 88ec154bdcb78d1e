"""What operators read: logs, metrics and traces.

Log lines are one JSON object each, those of libraries too:

    configure_logging(as_json=True, level="info")
    structlog.get_logger().info("request", path="/graphql", status=200)
"""

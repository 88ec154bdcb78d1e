"""Execution Monitor: every workflow run, live, through GraphQL, and never a run you may not see.

Example:
    from execution_monitor.app import create_app
    from execution_monitor.settings import Settings

    app = create_app(Settings(mongodb_uri=uri, jwt_secret=secret))  # an ASGI application
"""

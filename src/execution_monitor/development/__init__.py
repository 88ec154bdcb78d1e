"""Tools for development: an embedded MongoDB, a demo, generated executions. The server imports none of them.

A server's settings, completed for this machine, and a database with generated executions:

    settings = read_settings()
    with running_database(settings) as settings:
        run_connected(settings, lambda: seed(DEMO_SEED, on_progress=print))
"""

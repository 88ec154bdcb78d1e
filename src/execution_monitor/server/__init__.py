"""Our subclasses of uvicorn's server and protocols, and the processes that run them.

Example:
    with bind("127.0.0.1", 8000) as listener:
        run(create_app(settings), settings, listener)  # until SIGINT or SIGTERM
"""

"""Our subclasses of uvicorn's server and protocols, and the processes that run them."""

"""What all transports share above ASGI: the origin, id and caller of a request, operations and their observers."""

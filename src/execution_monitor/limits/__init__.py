"""What a client may take: points per minute, open streams, TCP connections."""

"""GraphQL over HTTP, as an event stream (Server-Sent Events, multipart), and over WebSocket.

The endpoints share an executor, the authentication, the limits of open streams, and the delay of live updates:

    http = GraphQLEndpoint(executor, admit, sessions, behind, max_body_bytes=1_048_576, open_introspection=False)
    socket = GraphQLTransportWSEndpoint(executor, admit, sessions, behind)
    Starlette(routes=[Route("/graphql", http, methods=["GET", "POST"]), WebSocketRoute("/graphql", socket.handle)])
"""

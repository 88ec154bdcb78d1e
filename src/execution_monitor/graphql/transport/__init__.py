"""GraphQL over HTTP, as an event stream (Server-Sent Events, multipart), and over WebSocket.

The endpoints share an executor and the services of all transports:

    http = GraphQLEndpoint(executor, services, max_body_bytes=1_048_576, open_introspection=False, origins=[])
    socket = GraphQLTransportWSEndpoint(executor, services)
    Starlette(routes=[Route("/graphql", http, methods=["GET", "POST"]), WebSocketRoute("/graphql", socket.handle)])
"""

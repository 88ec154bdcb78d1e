"""GraphQL over HTTP, over one streamed response, and over WebSocket."""

"""The REST API under `/api`: routes, parameters, models, OpenAPI, and live updates as Server-Sent Events."""

"""Routes that are neither GraphQL nor REST (dashboard, health, metrics, sign-in), and the middleware around all routes.

Each module of routes has one function that returns them:

    routes = [
        *dashboard_routes(explorer=True),
        *health_routes({"MongoDB": database}, [live.behind], draining),
    ]
    app = DisconnectMiddleware(Starlette(routes=routes), draining)
"""

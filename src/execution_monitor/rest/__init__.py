"""The REST API under `/api/v1`: routes, query parameters, models, OpenAPI, exports, and live updates.

    services = Services.from_settings(Settings(), read_filter)
    application = Starlette(routes=rest_routes(services.requests, read_argument), exception_handlers=problem_handlers())

A query parameter is declared once, and its declaration reads and documents it:

    PAGE_SIZE = Parameter("page_size", WholeNumber(1, 100), "How many executions a page has.", 20, aliases=("limit",))
    PAGE_SIZE.read(request.query_params)
"""

"""From a request to a validated operation: read, parsed, validated, its variables coerced, its cost known.

`create_schema()` gives the schema:

    query = "query Q($n: Int) { executions(first: $n) { totalCount } }"
    request = parse_request({"query": query, "variables": {"n": 5}})
    validated = OperationValidator(schema, max_cost=10_000).validate(request)
    validated.cost, validated.arguments()  # 1, {"executions": {"first": 5}}
"""

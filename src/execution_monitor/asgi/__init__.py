"""What all transports share above ASGI: the origin, id and caller of a request, operations and their observers.

A transport authenticates a request, describes what it runs as an operation, and runs it where observers see it:

    origin = origin_of(request.scope)
    caller = await admit(request.headers, origin)
    operation = Operation(caller, origin, OperationKind.REST, "getExecution")
    async with observers.observe(operation) as outcome:
        execution = await find(caller, "run-1")
        outcome.answer_with("run-1")
"""

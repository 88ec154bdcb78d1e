"""Queries compiled once per document: collect what is selected, plan how it is read, serialise it as JSON.

    compiler = Compiler(schema)
    result = await compiler.execute(validated, Context(caller, monitor, live))  # an ExecutionResult
    serialise = compiler.compile_event(validated_subscription, caller)  # from a delivery to JSON; None without a plan

`NotCompilable` is raised for what no plan covers: mutations, introspection, `node`, a value that its type does not
allow. graphql-core then gives the same response, more slowly.
"""

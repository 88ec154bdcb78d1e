"""Live updates: one change stream per process, fanned out to its subscribers.

cursors = LiveCursors(secret)
async with Live(database, "mongodb://localhost/?replicaSet=rs0", cursors) as live:
    subscriber = await live.subscribe(caller, equals("status", "failed"), after=cursor)
    with contextlib.closing(subscriber):
        async for delivery in subscriber:
            print(delivery.kind, delivery.execution_id, delivery.cursor)
"""

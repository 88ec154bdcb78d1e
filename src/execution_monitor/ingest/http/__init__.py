"""What all protocols of ingest share above HTTP: who may send, how a body is read, and how a request is recorded.

async with requests.receive(request, "ingestOpenLineage", ("application/json",)) as received:
    facts = map_events(received.content)
    await received.store(facts, {"events": 12})
"""

"""The embedded MongoDB: found or fetched, started as a replica set of one, and shared by processes.

Example:
    with embedded_mongodb(Path("data"), "monitor") as mongodb:
        client = MongoClient(mongodb.uri)
"""

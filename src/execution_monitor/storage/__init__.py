"""MongoDB: documents and indexes, the filter language, sort orders, keyset pagination, cursors and reads.

Nothing here knows who may see what; `executions` and `audit` add that to the filter.

    database = Database.at("mongodb://localhost", "workflows")
    await database.connect()
    failed = all_of(equals("tenant_id", "acme"), equals("status", "failed"))
    listing = Listing(failed, Order((SortKey("created", descending=True),)))
    reader = Reader(database, timeout_ms=5_000)
    page = await reader.read_page(Execution, listing, PageRequest(20), PageSelection())
    after = PageRequest(20, after=page.cursor_of(page.rows[-1]))
"""

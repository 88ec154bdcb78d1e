"""Executions, their steps and their log lines, as one caller may see them: list, count, find.

Visibility is part of every query; there is no way to read without a caller.

    monitor = Monitor.over(database, timeout_ms=5_000, count_limit=10_000)
    failed = equals("status", "failed")
    page = await monitor.executions.list(caller, failed, NEWEST_FIRST, PageRequest(20), PageSelection())
    ids = [row["execution_id"] for row in page.rows]
    steps = await monitor.steps.list(caller, ids, ChildrenRequest(EVERYTHING, PageRequest(10)))
"""

"""Statistics: what executions add up to, by status, time and group, for any filter.

A caller's question is a `StatisticsRequest`. Its answer is made of breakdowns: measures by status. Everything that
adds up executions, in MongoDB, from rollups, live and in tests, adds the same integers, so that all of them agree.
"""

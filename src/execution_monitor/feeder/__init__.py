"""The feeder: hands every change of executions to consumers that must see all of them, in one process of the cluster.

Live updates may leave a gap to a slow subscriber; what keeps sums or sends messages must not miss or repeat a change.
"""

"""Input types: filters and sort orders as clients write them.

Each is converted for `storage`:

    where = ExecutionFilter(status=ExecutionStatusFilter(eq=ExecutionStatus.FAILED))
    to_filter(where)  # a storage.filters.Filter
    to_order([ExecutionSort(field=ExecutionSortField.DURATION)])  # a storage.sorting.Order, longest first
"""

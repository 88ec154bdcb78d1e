"""Steps of executions, in the order of the workflow."""

from execution_monitor.executions.children import ChildCollection
from execution_monitor.storage.documents import Step
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey

IN_WORKFLOW_ORDER = Order((SortKey("step_index"),))


def steps_of(reader: Reader) -> ChildCollection:
    """The steps that `reader` finds."""
    return ChildCollection(reader, Step, IN_WORKFLOW_ORDER)

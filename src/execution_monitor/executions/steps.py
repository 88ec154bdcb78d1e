"""Steps of executions, in the order of the workflow."""

from execution_monitor.executions.children import Parts
from execution_monitor.storage.documents import Step
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey

IN_WORKFLOW_ORDER = Order((SortKey("step_index"),))


def steps_of(reader: Reader) -> Parts:
    """The steps that `reader` finds."""
    return Parts(reader, Step, IN_WORKFLOW_ORDER)

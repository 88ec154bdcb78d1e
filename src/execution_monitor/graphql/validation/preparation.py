"""A question made ready to run for who asks it, by a transport that takes its kind."""

from collections.abc import Collection
from dataclasses import dataclass

from execution_monitor.asgi.operations import Kind, Operation, Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.graphql.validation.operation import OperationValidator, RequestErrors, ValidatedOperation
from execution_monitor.graphql.validation.request import GraphQLRequest


class OperationKindNotAllowed(Exception):
    """An operation of a kind that may not come this way."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class ExecutableOperation:
    """A question that somebody asks."""

    validated: ValidatedOperation
    operation: Operation


def prepare(
    questions: OperationValidator,
    asked: GraphQLRequest,
    caller: Caller,
    origin: Origin,
    kinds: Collection[Kind] = frozenset(Kind),
) -> ExecutableOperation:
    """`asked` made ready; raises `RequestErrors`, or `OperationKindNotAllowed` for one of no kind in `kinds`."""
    try:
        question = questions.validate(asked)
    except RequestErrors as error:
        if error.kind is not None and error.kind not in kinds:
            raise OperationKindNotAllowed(error.kind) from error
        raise
    if question.kind not in kinds:
        raise OperationKindNotAllowed(question.kind)
    name = question.definition.name
    return ExecutableOperation(
        question,
        Operation(
            caller,
            origin,
            question.kind,
            name=None if name is None else name.value,
            cost=question.cost,
            arguments=question.arguments,
        ),
    )

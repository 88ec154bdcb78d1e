"""A question made ready to run for who asks it, by a transport that takes its kind."""

from collections.abc import Collection
from dataclasses import dataclass

from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.graphql.validation.operation import Question, Questions, RequestErrors
from execution_monitor.graphql.validation.request import GraphQLRequest


class KindNotTaken(Exception):
    """An operation of a kind that may not come this way."""

    def __init__(self, kind: OperationKind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that somebody asks."""

    question: Question
    operation: Operation


def prepare(
    questions: Questions,
    asked: GraphQLRequest,
    caller: Caller,
    origin: Origin,
    kinds: Collection[OperationKind] = frozenset(OperationKind),
) -> Prepared:
    """`asked` made ready; raises `RequestErrors`, or `KindNotTaken` for one of no kind in `kinds`."""
    try:
        question = questions.read(asked)
    except RequestErrors as error:
        if error.kind is not None and error.kind not in kinds:
            raise KindNotTaken(error.kind) from error
        raise
    if question.kind not in kinds:
        raise KindNotTaken(question.kind)
    name = question.definition.name
    return Prepared(
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

"""Sources: from which index the executions of a question are read, so that each of them is counted once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution_monitor.statistics.questions import Question
from execution_monitor.statistics.requests import GroupField
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.facts import FACTS_KEY, ODD, PLAIN
from execution_monitor.storage.filters import EVERYTHING, Filter, Query, all_of
from execution_monitor.storage.index_choice import Conditions, narrowest_index
from execution_monitor.storage.indexes import FACTS_INDEX, ODD_FACTS_INDEX, IndexKey
from execution_monitor.storage.predicates import as_list

# A value of one of these has few executions, as a rule, and an index of its own.
_NARROW = frozenset(
    {
        *("execution_id", "user_id", "session_id", "parent_execution_id", "retry_of_execution_id"),
        *("workflow_template_id", "triggered_by", "tags.key"),
    }
)


@dataclass(frozen=True, slots=True)
class Part:
    """Executions that one index has: those that match `where` and the conditions `also` of MongoDB's own."""

    where: Filter
    hint: IndexKey | str | None
    also: tuple[Mapping[str, Any], ...] = ()

    def query(self, within: Filter = EVERYTHING) -> Query:
        """The query, of those `within` alone."""
        query = all_of(self.where, within).to_mongo()
        if not self.also:
            return query
        # The tenant stays where the shards of a query are told from it.
        return {**query, "$and": [*as_list(query.get("$and")), *self.also]}


@dataclass(frozen=True, slots=True)
class Source:
    """The parts that make up the executions of a question.

    Attributes:
        main: nearly all of them.
        odd: the others; None where `main` has all.
        undated: those of `main` among which are all whose time of creation is not one date.
    """

    main: Part
    odd: Part | None
    undated: Part


def sources_for(question: Question, where: Filter) -> Sequence[Source]:
    """The sources for `question`, the fastest first; the last one needs no index."""
    query = where.to_mongo()
    conditions = Conditions.of(query)
    narrowest = narrowest_index(Execution, query)
    found = list[Source]()
    if _needed(question, where) <= FACTS_KEY.keys() and not (conditions.fixed & _NARROW):
        found.append(
            Source(
                # By name: there may be an index of all documents with the same key.
                Part(where, FACTS_INDEX, (PLAIN,)),
                Part(where, ODD_FACTS_INDEX, (ODD, {"$nor": [PLAIN]})),
                Part(where, ODD_FACTS_INDEX, (ODD, PLAIN)),
            )
        )
    for hint, odd in ((narrowest, ODD_FACTS_INDEX), (narrowest, None), (None, None)):
        found.append(Source(Part(where, hint), None, Part(where, odd, (ODD,))))
    return found


def _needed(question: Question, where: Filter) -> set[str]:
    """The stored fields that are read."""
    return {*where.fields(), *(by.value for by in question.grouped if by is not GroupField.STATUS)}

"""Tables that follow changes hold what a recount finds, whatever happens to executions and however far time goes on."""

import random
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from execution_monitor.live.image_topics import ImagesDelivery, ImagesTopic
from execution_monitor.live.resume_tokens import time_of
from execution_monitor.live.topics import Visibility
from execution_monitor.statistics.live.edges import Edges
from execution_monitor.statistics.live.reading import standing, start_moves
from execution_monitor.statistics.live.tables import FollowingTables, MustReadAgain, Reading, early_from
from execution_monitor.statistics.measures import EVERY_MEASURE, Measure
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.statistics.time_range import without_moving_start
from execution_monitor.storage.bson_ordering import milliseconds_of
from execution_monitor.storage.filters import EVERYTHING, Filter, Range, all_of, equals
from execution_monitor.storage.predicates import Stored
from execution_monitor.storage.relative_filters import Within
from tests.live.factories import ADA, CURSORS, NOW, change, execution, position_at
from tests.statistics.live.recount import content_of

GROUPS = (GroupsRequest(GroupField.STATUS, measures=EVERY_MEASURE), GroupsRequest(GroupField.TAG, first=3))


class World:
    """Executions that change at random, a clock, and the tables that follow them as a feed does."""

    def __init__(self, request: StatisticsRequest, seed: int) -> None:
        self.request = request
        self.random = random.Random(seed)  # noqa: S311 - the same in every run
        self.now = NOW
        self.stored: dict[str, dict[str, Any]] = {}
        self.number = 0
        self.rereads = 0
        self.question_at = partial(Question.of, ADA, request)
        self.topic = ImagesTopic(CURSORS, Visibility.of(ADA), without_moving_start(request.where))
        self.refilling: tuple[list[Stored], int] | None = None
        for _ in range(30):
            self.write()
        self.tables = self.read()

    def read(self) -> FollowingTables:
        question, tables = self.question_at(self.now), StatisticsTables()
        matching = [each for each in self.stored.values() if question.where.matches(each)]
        for each in matching:
            question.add(tables, each)
        start = milliseconds_of(question.time_range.start)
        edges = Edges(start if start_moves(question) else None, early_from(question))
        if edges.until is not None:
            edges.refill(self.leaving(question), start + self.ahead())
        for each in matching:
            if edges.early_from is not None:
                edges.keep(each)
        self.refilling = None
        reading = Reading(question, tables, time_of(position_at(self.number)), edges)
        return FollowingTables(reading, self.question_at)

    def ahead(self) -> int:
        return self.random.choice([500, 5_000, 60_000])

    def leaving(self, question: Question) -> list[Stored]:
        return [each for each in self.stored.values() if standing(question).matches(each)]

    def write(self) -> ImagesDelivery | None:
        self.number += 1
        name = self.random.choice(sorted(self.stored)) if self.stored and self.random.random() < 0.7 else None
        before = None if name is None else self.stored[name]
        if before is not None and self.random.random() < 0.2:
            after = None
            del self.stored[before["execution_id"]]
        else:
            name = name or f"run-{self.number}"
            kept = {} if before is None or self.random.random() < 0.3 else {"created": before["created"]}
            after = self.stored[name] = execution(name, _id=name, **{**self.facts(), **kept})
        delivery = self.topic.judge(change(self.number, before, after))
        assert delivery is None or isinstance(delivery, ImagesDelivery)
        return delivery

    def facts(self) -> dict[str, Any]:
        generator = self.random
        ago = timedelta(seconds=generator.uniform(-90, 120))
        return {
            "created": generator.choice([self.now - ago, self.now - ago, [self.now - ago, self.now], None]),
            "user_id": generator.choice(["ada", "ada", "ben"]),
            "status": generator.choice(["completed", "failed", "running"]),
            "total_duration": generator.choice([None, generator.random()]),
            "total_cost": generator.choice([None, 1, True]),
            "tags": generator.choice([[], [{"key": "k", "value": "v"}]]),
        }

    def step(self) -> None:
        """A few changes, some of them while the documents that leave next are read; then time goes on."""
        for _ in range(self.random.randrange(4)):
            delivery = self.write()
            if delivery is not None:
                self.tables.apply(delivery)
        self.refill()
        self.now += timedelta(milliseconds=self.random.choice([1, 400, 7_000, 61_000]))
        try:
            self.tables.advance(self.now)
        except MustReadAgain:
            self.rereads += 1
            self.tables = self.read()

    def refill(self) -> None:
        edges = self.tables.edges
        if self.refilling is not None and edges.until is not None:
            rows, ahead = self.refilling
            edges.refill(rows, edges.until + ahead)
            self.refilling = None
        elif edges.until is not None and self.random.random() < 0.8:
            edges.begin_refill()
            for_log = [self.write() for _ in range(self.random.randrange(2))]
            # Read before some of the changes that arrive meanwhile, and behind others.
            self.refilling = self.leaving(self.tables.question), self.ahead()
            for delivery in (*for_log, self.write()):
                if delivery is not None:
                    self.tables.apply(delivery)

    def recount(self) -> object:
        question, tables = self.question_at(self.now), StatisticsTables()
        for each in self.stored.values():
            if question.where.matches(each):
                question.add(tables, each)
        return content_of(
            FollowingTables(Reading(question, tables, time_of(position_at(1)), None), self.question_at).answer()
        )


@pytest.mark.parametrize(
    ("where", "interval"),
    [
        pytest.param(Within("created", 60), Interval.MINUTE, id="the last minute"),
        pytest.param(Within("created", 3_600), None, id="the last hour, in intervals that fit"),
        pytest.param(EVERYTHING, None, id="30 days"),
        pytest.param(Range("created", gte=NOW - timedelta(seconds=70)), Interval.MINUTE, id="an open range"),
        pytest.param(
            all_of(Within("created", 90), Range("created", gte=NOW - timedelta(seconds=30))),
            None,
            id="fixed, then moving",
        ),
        pytest.param(Range("created", lt=NOW + timedelta(seconds=30)), None, id="an end and no start"),
        pytest.param(
            all_of(Within("created", 20), equals("status", "failed")), Interval.MINUTES_5, id="another filter"
        ),
    ],
)
def test_tables_hold_what_a_recount_finds(where: Filter, interval: Interval | None):
    request = StatisticsRequest(where, "Asia/Kathmandu", interval, EVERY_MEASURE, Measure.COST, GROUPS)
    steps = rereads = 0
    for seed in range(6):
        world = World(request, seed)
        for _ in range(25):
            world.step()
            steps += 1
            assert content_of(world.tables.answer()) == world.recount(), (seed, steps)
        rereads += world.rereads

    assert rereads < steps / 2

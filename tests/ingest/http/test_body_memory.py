"""The memory for bodies: what all together may have, given back by each."""

import pytest

from execution_monitor.errors import ServerBusy
from execution_monitor.ingest.http.body_memory import BodyMemory


def test_requests_together_may_reserve_no_more_than_the_limit():
    memory = BodyMemory(10)

    with memory.share() as first, memory.share() as second:
        first(6)
        with pytest.raises(ServerBusy) as refusal:
            second(5)
        second(4)

    assert int(refusal.value.headers["Retry-After"]) > 0


def test_a_share_is_given_back_also_by_a_request_that_fails():
    memory = BodyMemory(10)

    with memory.share() as reserve:
        reserve(10)
        with pytest.raises(ServerBusy):
            reserve(1)
        assert memory.used == 10

    assert memory.used == 0

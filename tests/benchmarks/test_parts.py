"""Ratios of the parts of a run, and the specifications of its charts."""

import pytest

from tests.benchmarks.bulk import BulkFigures, bulk_ratios
from tests.benchmarks.charts import cost, throughput
from tests.benchmarks.compression import compression_ratios
from tests.benchmarks.lists import comparable
from tests.benchmarks.live import LiveFigures, live_ratios
from tests.benchmarks.scale import in_turns, scale_ratios

SCALE = {
    "first of 10,000": 2.0,
    "first of 1,000,000": 3.0,
    "behind 1,000": 3.1,
    "behind 100,000": 3.3,
    "by offset 100,000": 90.0,
    "since": 4.0,
    "with a count": 10.0,
    "with a count read a moment ago": 3.9,
}


def live(delivered: float, cpu: float, memory: float) -> LiveFigures:
    return LiveFigures(1_000, delivered, None, None, cpu, memory)


def test_ratios_of_scale_compare_the_deepest_page_and_the_largest_collection() -> None:
    assert scale_ratios(SCALE, [10_000, 100_000, 1_000_000], 100_000) == {
        "deep_page_vs_first": pytest.approx(1.1),
        "million_vs_ten_thousand": 1.5,
        "total_count_vs_without": 2.5,
        "total_count_cached_vs_without": 1.3,
    }


def test_ratios_of_live_updates_compare_what_is_delivered_and_what_it_costs() -> None:
    found = {
        "all see all, 1,000": live(90, 12, 30),
        "floor, 1,000": live(100, 10, 20),
        "all see all, 5,000": live(80, 50, 30),
        "floor, 5,000": live(100, 40, 20),
        "yoga, 1,000": live(10, 70, 40),
        "parse, 1,000": live(5, 90, 40),
        "own only, 100": live(100, 0.5, 50),
        "own only, 5,000": live(100, 0.6, 40),
    }

    assert live_ratios(found) == {
        "live_broadcast_vs_floor": 0.9,
        "live_broadcast_5000_vs_floor": 0.8,
        "live_broadcast_vs_yoga": 9.0,
        "live_broadcast_vs_parse": 18.0,
        "live_broadcast_cpu_vs_floor": 1.2,
        "live_own_5000_vs_100": pytest.approx(1.2),
        "subscriber_memory_vs_floor": 1.5,
    }


def test_ratios_of_compression_compare_bytes_and_their_cost() -> None:
    found = {"identity": {"bytes": 1_000, "cpu": 2.0, "p50": 1.0}, "gzip": {"bytes": 100, "cpu": 2.5, "p50": 1.0}}

    assert compression_ratios(found) == {"compression_bytes_vs_plain": 0.1, "compression_cpu_vs_plain": 1.25}


def test_ratios_of_bulks_compare_the_times_of_the_last_event_and_the_memory_of_a_followed_server() -> None:
    found = {
        "bare reader, 100": BulkFigures(0, 100, seconds=10, heard=101),
        "10 subscribers, 100": BulkFigures(10, 100, seconds=25, heard=101, idle=100, followed=160),
        "bare reader, 20": BulkFigures(0, 20, seconds=2, heard=21),
        "200 subscribers, 20": BulkFigures(200, 20, seconds=9, heard=21),
        "200 bare sockets, 20": BulkFigures(200, 20, seconds=8, heard=20),
    }

    assert bulk_ratios(found, 100, 20, 200) == {
        "bulk_vs_bare_reader": 2.5,
        "bulk_200_vs_reader_and_sockets": 0.9,
        "followed_memory_vs_idle": 1.6,
    }


def test_requests_are_sent_in_turns_and_measured_the_second_time() -> None:
    sent: list[str] = []

    medians = in_turns({"a": lambda: sent.append("a"), "b": lambda: sent.append("b")}, 3)

    assert sent == ["a", "a", "b", "b"] * 3
    assert set(medians) == {"a", "b"}


def test_a_response_with_stored_field_names_is_equal_to_ours() -> None:
    node = {"executionId": "1", "createdAt": "2026-01-01T00:00:00Z", "startedAt": None, "completedAt": None}
    progress = {"currentStep": 1, "totalSteps": 2, "percentage": 50.0}
    ours = {"data": {"executions": {"nodes": [{**node, "status": "COMPLETED", "progress": progress}]}}}
    stored = {"current_step": 1, "total_steps": 2, "percentage": 50.0}
    theirs = {**node, "status": "completed", "createdAt": "2026-01-01T00:00:00.000+00:00", "progress": stored}

    assert comparable(ours) == comparable({"data": {"executions": {"edges": [{"node": theirs}]}}})


def test_the_charts_show_what_was_measured() -> None:
    servers = ("floor", "ours", "mercurius", "yoga", "apollo", "mongoose", "parse", "stock_strawberry")
    found = {
        "list": {f"{name} first 20, 16 at once": {"requests_per_second": 100.4} for name in servers},
        "scale": SCALE,
    }

    by_size, by_depth = (panel["data"]["values"] for panel in cost(found)["hconcat"])

    assert [row["requests"] for row in throughput(found)["data"]["values"]] == [100] * len(servers)
    assert [(row["at"], row["milliseconds"]) for row in by_size] == [(10_000, 2.0), (1_000_000, 3.0)]
    assert [(row["at"], row["milliseconds"]) for row in by_depth] == [(1_000, 3.1), (100_000, 3.3), (100_000, 90.0)]

"""Figures of rounds: medians, the noise of the machine, ratios."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.benchmarks.list_query import LONG, SHORT, STEPS, Case


@dataclass(frozen=True, slots=True)
class Round:
    """One server in one round: latencies in milliseconds, CPU of the server in milliseconds a request."""

    requests_per_second: float
    p50: float
    p99: float
    cpu: float


def summarize(latencies: Sequence[float], seconds: float, cpu_seconds: float) -> Round:
    """A round of `latencies` in seconds.

    Raises:
        ValueError: If there are fewer than two.
    """
    if len(latencies) < 2:
        raise ValueError("A round needs two responses or more; let it run longer.")
    quantiles = statistics.quantiles(latencies, n=100, method="inclusive")
    return Round(
        requests_per_second=len(latencies) / seconds,
        p50=quantiles[49] * 1_000,
        p99=quantiles[98] * 1_000,
        cpu=cpu_seconds / len(latencies) * 1_000,
    )


def median_of(rounds: Sequence[Round]) -> Round:
    """The median of each figure."""
    names = asdict(rounds[0])
    return Round(**{name: statistics.median(getattr(each, name) for each in rounds) for name in names})


def noise_of(rounds: Sequence[Round]) -> float:
    """The noise of the rounds of one server: the range of their requests a second over the median."""
    figures = [each.requests_per_second for each in rounds]
    return (max(figures) - min(figures)) / statistics.median(figures)


def list_ratios(medians: Mapping[tuple[str, Case], Round]) -> dict[str, float]:
    """Throughput of `ours` over that of the others that were measured, by the names of the goals."""

    def ratio(other: str, case: Case) -> float:
        return medians["ours", case].requests_per_second / medians[other, case].requests_per_second

    goals = {
        "list_first20_vs_floor": ("floor", SHORT),
        "list_first100_vs_floor": ("floor", LONG),
        "list_with_steps_vs_floor": ("floor", STEPS),
        "list_vs_mercurius_jit": ("mercurius", SHORT),
        "list_vs_yoga": ("yoga", SHORT),
        "list_vs_apollo": ("apollo", SHORT),
        "list_vs_compose_mongoose": ("mongoose", SHORT),
        "list_vs_parse": ("parse", SHORT),
        "list_vs_stock_strawberry": ("stock_strawberry", SHORT),
    }
    return {name: ratio(*goal) for name, goal in goals.items() if goal in medians}

"""A signal during work that must not be interrupted."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from execution_monitor.development.mongodb.interrupts import interrupts_deferred


def test_an_interrupt_takes_effect_when_the_work_is_done() -> None:
    done: list[str] = []

    def work() -> None:
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()

    assert done == ["all of it"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_handlers_are_those_from_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    with interrupts_deferred():
        during = signal.getsignal(number)

    assert isinstance(during, Callable)
    assert during != before
    assert signal.getsignal(number) == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    try:
        with interrupts_deferred():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_of_the_work_is_raised_where_no_signal_comes() -> None:
    with pytest.raises(ZeroDivisionError), interrupts_deferred():
        raise ZeroDivisionError


def test_work_in_another_thread_is_simply_done() -> None:
    def work() -> bool:
        with interrupts_deferred():
            return True

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(work).result()

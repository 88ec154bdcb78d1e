"""Request ids: which of clients are used, which are made, and where they appear."""

import contextvars
from typing import Any

import pytest
import structlog

from execution_monitor.asgi.request_id import bind_request_id, current_request_id, identify


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"a", id="one character"),
        pytest.param(b"0b7c1c9e-8d4e-4a53-9d1a-3a1f0f1d2c3b", id="a UUID"),
        pytest.param(b"Root_1.67891233-abcdef", id="dots, dashes and underscores"),
        pytest.param(b"x" * 128, id="the longest"),
    ],
)
def test_a_well_formed_id_of_the_client_is_used(sent: bytes):
    assert identify({"headers": [(b"accept", b"*/*"), (b"x-request-id", sent)]}) == sent.decode()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"x" * 129, id="too long"),
        pytest.param(b"a b", id="a space"),
        pytest.param(b"a\n", id="a line break at the end"),
        pytest.param(b"a\x1b[31m", id="a terminal's escape"),
        pytest.param(b'"},{"', id="JSON"),
        pytest.param("é".encode(), id="not ASCII"),
    ],
)
def test_any_other_is_replaced(sent: bytes):
    made = identify({"headers": [(b"x-request-id", sent)]})

    assert made != sent.decode("latin-1")
    assert len(made) == 32


def test_requests_without_an_id_get_different_ones_and_keep_them():
    one: dict[str, Any] = {"headers": []}
    other: dict[str, Any] = {"headers": []}

    assert identify(one) == identify(one)
    assert identify(one) != identify(other)


def test_log_lines_and_errors_have_the_id_of_the_request():
    def serve() -> tuple[object, str]:
        bind_request_id("r1")
        return structlog.contextvars.get_contextvars()["request_id"], current_request_id()

    assert contextvars.Context().run(serve) == ("r1", "r1")


def test_outside_of_a_request_an_id_is_made_once_and_logged():
    def fail() -> tuple[str, str, object]:
        return current_request_id(), current_request_id(), structlog.contextvars.get_contextvars()["request_id"]

    first, second, logged = contextvars.Context().run(fail)

    assert first == second == logged

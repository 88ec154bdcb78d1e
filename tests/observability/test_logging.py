"""Logging: one JSON object a line, libraries' lines too, and no query strings."""

import json
import logging
from collections.abc import Generator

import pytest
import structlog

from execution_monitor.observability.log_level import LogLevel
from execution_monitor.observability.logging import configure_logging


@pytest.fixture(autouse=True)
def _restored_logging() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def fail() -> None:
    raise RuntimeError("the cause")


def test_our_lines_and_those_of_libraries_have_the_same_form(capsys: pytest.CaptureFixture[str]):
    configure_logging(as_json=True)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("ours", number=1)
        logging.getLogger("uvicorn.error").info("theirs %d", 2)

    ours, theirs = lines_of(capsys)

    assert (ours["event"], ours["number"], theirs["event"]) == ("ours", 1, "theirs 2")
    assert ours["level"] == theirs["level"] == "info"
    assert ours["request_id"] == theirs["request_id"] == "r1"
    assert set(ours) - {"number"} == set(theirs) == {"event", "level", "timestamp", "request_id"}


def test_an_error_of_a_client_is_not_logged(capsys: pytest.CaptureFixture[str]):
    configure_logging(as_json=True)
    try:
        b"\xff".decode()
    except UnicodeDecodeError:
        # As uvicorn says it.
        logging.getLogger("uvicorn.error").exception("Invalid UTF-8 sequence received from client.")

    assert lines_of(capsys) == []


def test_an_error_in_a_library_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]):
    configure_logging(as_json=True)
    try:
        fail()
    except RuntimeError:
        logging.getLogger("anything").exception("failed")

    (line,) = lines_of(capsys)

    assert "RuntimeError: the cause" in str(line["exception"])


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**70, id="an integer beyond 64 bits"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param({1: "one"}, id="a key that is no text"),
        pytest.param(object(), id="no JSON at all"),
    ],
)
def test_no_value_breaks_a_line(capsys: pytest.CaptureFixture[str], value: object):
    configure_logging(as_json=True)
    structlog.get_logger().info("ours", value=value)

    (line,) = lines_of(capsys)

    assert line["value"] in (value, {"1": "one"}, repr(value))


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        pytest.param("debug", ["debug", "info", "error"], id="debug"),
        pytest.param("info", ["info", "error"], id="info"),
        pytest.param("error", ["error"], id="error"),
    ],
)
def test_the_level_decides_what_is_logged(capsys: pytest.CaptureFixture[str], level: LogLevel, logged: list[str]):
    configure_logging(as_json=True, level=level)
    for each in ("debug", "info", "error"):
        getattr(structlog.get_logger(), each)("ours")
        logging.getLogger("uvicorn.error").log(logging.getLevelNamesMapping()[each.upper()], "theirs")

    assert [line["level"] for line in lines_of(capsys)] == [each for each in logged for _ in range(2)]


def test_lines_of_libraries_for_every_request_are_left_out(capsys: pytest.CaptureFixture[str]):
    configure_logging(as_json=True)
    logging.getLogger("httpx2").info("HTTP Request: GET https://issuer.example/keys")
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "127.0.0.1:1", "/graphql?token=secret")

    assert lines_of(capsys) == []


def test_without_json_lines_are_text(capsys: pytest.CaptureFixture[str]):
    configure_logging(as_json=False)
    structlog.get_logger().info("ours", number=1)

    assert "number" in capsys.readouterr().err

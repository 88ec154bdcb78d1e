from typing import Any

from execution_monitor.asgi.origin import origin_of
from execution_monitor.asgi.request_id import identify

SCOPE: dict[str, Any] = {"client": ("192.0.2.1", 5_000), "headers": [(b"accept", b"*/*"), (b"user-agent", b"curl/8")]}


def test_an_origin_has_an_address_a_user_agent_and_a_unique_id():
    one, other = origin_of({**SCOPE}), origin_of({**SCOPE})

    assert (one.address, one.user_agent) == ("192.0.2.1", "curl/8")
    assert one.request_id != other.request_id


def test_an_origin_has_the_id_of_its_request():
    scope = {**SCOPE, "headers": [(b"x-request-id", b"mine-1")]}

    assert origin_of(scope).request_id == identify(scope) == "mine-1"


def test_an_origin_may_have_no_address_and_no_user_agent():
    origin = origin_of({"client": None, "headers": []})

    assert (origin.address, origin.user_agent) == (None, None)


def test_any_user_agent_can_be_read_and_is_cut():
    origin = origin_of({**SCOPE, "headers": [(b"user-agent", b"\xff" * 1_000)]})

    assert origin.user_agent == "ÿ" * 256

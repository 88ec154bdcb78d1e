from typing import Any

from execution_monitor.asgi.origin import origin_of
from execution_monitor.asgi.request_id import identify

SCOPE: dict[str, Any] = {"client": ("192.0.2.1", 5_000), "headers": [(b"accept", b"*/*"), (b"user-agent", b"curl/8")]}


def test_an_origin_is_the_address_and_the_user_agent_under_an_id_of_its_own():
    one, other = origin_of({**SCOPE}), origin_of({**SCOPE})

    assert (one.address, one.user_agent) == ("192.0.2.1", "curl/8")
    assert one.request_id != other.request_id


def test_an_origin_has_the_id_that_its_request_is_logged_under():
    scope = {**SCOPE, "headers": [(b"x-request-id", b"mine-1")]}

    assert origin_of(scope).request_id == identify(scope) == "mine-1"


def test_a_client_without_an_address_or_a_name_is_nobody_in_particular():
    origin = origin_of({"client": None, "headers": []})

    assert (origin.address, origin.user_agent) == (None, None)


def test_a_user_agent_is_cut_and_never_fails_to_be_read():
    origin = origin_of({**SCOPE, "headers": [(b"user-agent", b"\xff" * 1_000)]})

    assert origin.user_agent == "ÿ" * 256

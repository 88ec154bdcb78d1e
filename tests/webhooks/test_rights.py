"""The rights of a webhook."""

from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.storage.filters import AnyOf, Filter, OneOf, equals
from execution_monitor.webhooks.rights import Rights, RightsUnclear
from tests.storage.bson_codec import stored

DAMAGED: list[dict[str, Any]] = [
    {},
    {"scopes": ["executions:read"]},
    {"scopes": ["executions:read"], "visible": [{}]},
    {"scopes": ["executions:read"], "visible": [{"filter": "?"}]},
]
READ, TENANT, PAYLOAD = Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT, Scope.EXECUTIONS_PAYLOAD


def ada(*scopes: Scope, grants: tuple[Grant, ...] = ()) -> Rights:
    return Rights.of(Caller("ada", "acme", frozenset(scopes), grants=grants))


def only(where: Filter) -> Rights:
    return ada(READ, TENANT, grants=(Grant(TENANT, where),))


def sees(rights: Rights, **fields: str) -> bool:
    return rights.condition.matches({"tenant_id": "acme", "user_id": "ada", **fields})


def test_rights_are_read_as_they_were_stored():
    rights = only(equals("workflow_name", "train"))

    assert Rights.read(stored(rights.to_stored())) == rights


def test_signing_in_with_less_leaves_less():
    everything, own = ada(READ, TENANT, PAYLOAD), ada(READ)

    narrowed = everything.narrowed_by(own)

    assert narrowed.scopes == {READ}
    assert sees(narrowed)
    assert not sees(narrowed, user_id="ben")


def test_signing_in_with_more_gives_no_more():
    own = ada(READ)

    assert own.narrowed_by(ada(READ, TENANT, PAYLOAD)) == own


def test_two_filters_of_roles_leave_what_both_show():
    narrowed = only(equals("workflow_name", "train")).narrowed_by(only(equals("status", "failed")))

    assert sees(narrowed, workflow_name="train", status="failed")
    assert not sees(narrowed, workflow_name="train", status="completed")
    assert not sees(narrowed, workflow_name="ingest", status="failed")


def test_signing_in_again_and_again_keeps_what_is_known():
    first, second = ada(READ, TENANT), ada(READ)

    narrowed = first.narrowed_by(second)
    for _ in range(20):
        narrowed = narrowed.narrowed_by(first).narrowed_by(second)

    assert len(narrowed.visible) == 1


def test_without_the_scope_to_read_nothing_is_left():
    narrowed = ada(READ, TENANT).narrowed_by(ada(Scope.EXECUTIONS_WRITE))

    assert not narrowed.may_read
    with pytest.raises(RightsUnclear):
        _ = narrowed.condition


def test_nothing_comes_back_from_nothing():
    lost = ada(READ, TENANT).narrowed_by(ada(Scope.EXECUTIONS_WRITE))

    assert not lost.narrowed_by(ada(READ, TENANT)).may_read


def test_too_many_different_rights_are_unclear_rather_than_more():
    rights = only(equals("workflow_name", "w0"))
    for number in range(1, 8):
        rights = rights.narrowed_by(only(equals("workflow_name", f"w{number}")))

    with pytest.raises(RightsUnclear):
        rights.narrowed_by(only(equals("workflow_name", "one more")))


@pytest.mark.parametrize(
    "damaged",
    DAMAGED,
)
def test_what_cannot_be_read_shows_nothing(damaged: dict[str, object]):
    with pytest.raises(RightsUnclear):
        _ = Rights.read(damaged).condition


def test_a_filter_that_says_more_implies_one_that_says_less():
    narrowed = only(AnyOf((equals("status", "failed"), equals("status", "timed_out")))).narrowed_by(
        only(OneOf("status", ("failed",)))
    )

    assert not sees(narrowed, status="timed_out")
    assert sees(narrowed, status="failed")

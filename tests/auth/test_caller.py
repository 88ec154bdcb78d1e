import dataclasses

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import Forbidden


def test_a_caller_may_do_what_its_scopes_allow():
    caller = Caller("ada", "acme", frozenset({"executions:read"}))

    assert caller.may(Scope.EXECUTIONS_READ)
    assert not caller.may(Scope.EXECUTIONS_PAYLOAD)


def test_a_missing_scope_is_named():
    with pytest.raises(Forbidden, match="needs the scope executions:payload"):
        Caller("ada", "acme").require(Scope.EXECUTIONS_PAYLOAD)


def test_a_caller_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Caller("ada", "acme").tenant = "globex"  # pyright: ignore[reportAttributeAccessIssue] - the point of the test

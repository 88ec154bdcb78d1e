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


def test_a_scope_that_roles_give_for_some_executions_allows_nothing():
    caller = Caller("ada", "acme", partial_scopes=frozenset({Scope.EXECUTIONS_PAYLOAD}))

    with pytest.raises(Forbidden, match="for every execution that you may see, and your roles give it for some"):
        caller.require(Scope.EXECUTIONS_PAYLOAD)


def test_a_caller_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Caller("ada", "acme").tenant = "globex"  # pyright: ignore[reportAttributeAccessIssue] - the point of the test

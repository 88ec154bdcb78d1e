from collections.abc import Iterable, Mapping

import pytest

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.roles import DEFAULT_ROLES, granted_scopes

READ, TENANT, PAYLOAD = "executions:read", "executions:read:tenant", "executions:payload"


@pytest.mark.parametrize(
    ("roles", "claimed", "held"),
    [
        pytest.param(None, [], {READ}, id="with neither, what is one's own"),
        pytest.param(None, ["openid", "email"], {READ}, id="scopes of other APIs are none"),
        pytest.param(None, [PAYLOAD], {PAYLOAD}, id="scopes alone are what they say"),
        pytest.param(None, [TENANT], {READ, TENANT}, id="the tenant's holds one's own"),
        pytest.param(None, ["executions:raed"], set[str](), id="a misspelt scope alone is nothing"),
        pytest.param(None, [READ, "executions:*", "audit:write"], {READ}, id="unknown scopes give nothing"),
        pytest.param(None, ["EXECUTIONS:READ:TENANT", READ], {READ}, id="in another case they are other scopes"),
        pytest.param(["viewer"], [], {READ}, id="a viewer"),
        pytest.param(["operator"], [], {READ, TENANT, PAYLOAD}, id="an operator"),
        pytest.param(["auditor"], [], {"audit:read"}, id="an auditor"),
        pytest.param(["admin"], [], set(Scope), id="an admin"),
        pytest.param(["viewer", "auditor"], [], {READ, "audit:read"}, id="roles add up"),
        pytest.param(["admin"], ["openid"], set(Scope), id="other APIs' scopes narrow nothing"),
        pytest.param([], [], set[str](), id="a list of no roles allows nothing"),
        pytest.param(["offline_access"], [], set[str](), id="nor does an unknown role"),
        pytest.param(["Admin"], [], set[str](), id="nor one in another case"),
        pytest.param(["offline_access"], [READ], set[str](), id="nor do scopes beside an unknown role"),
        pytest.param(["offline_access", "viewer"], [], {READ}, id="an unknown role does not change a known one"),
        pytest.param(["admin"], [READ], {READ}, id="fewer scopes than the role"),
        pytest.param(["viewer"], ["manage", TENANT, READ], {READ}, id="more scopes than the role"),
        pytest.param(["auditor"], [READ], set[str](), id="scopes that the role does not have"),
        pytest.param(["operator"], [TENANT], {READ, TENANT}, id="the tenant's holds one's own within a role"),
        pytest.param(["admin"], ["executions:raed"], set[str](), id="a misspelt scope narrows to nothing"),
    ],
)
def test_a_token_grants_what_is_in_both_roles_and_scopes(
    roles: list[str] | None, claimed: list[str], held: Iterable[str]
):
    assert granted_scopes(roles, claimed) == held


def test_configured_roles_replace_the_default_ones():
    mine: Mapping[str, frozenset[Scope]] = {"wf-ops": frozenset({Scope.EXECUTIONS_READ_TENANT})}

    assert granted_scopes(["wf-ops"], [], mine) == {READ, TENANT}
    assert granted_scopes(["admin"], [], mine) == set()


@pytest.mark.parametrize("role", DEFAULT_ROLES)
@pytest.mark.parametrize("claimed", [None, *Scope])
def test_no_token_grants_more_than_its_roles(role: str, claimed: Scope | None):
    assert granted_scopes([role], [claimed] if claimed else []) <= DEFAULT_ROLES[role]

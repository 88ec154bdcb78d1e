from collections.abc import Iterable

import pytest

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.roles import DEFAULT_ROLES, Access, Role, Roles, access_of
from execution_monitor.storage.filters import EVERYTHING, Filter, StartsWith, equals

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
    assert access_of(roles, claimed) == Access(frozenset(map(Scope, held)))


def test_configured_roles_replace_the_default_ones():
    mine = {"wf-ops": Role(frozenset({Scope.EXECUTIONS_READ_TENANT}))}

    assert access_of(["wf-ops"], [], mine).scopes == {READ, TENANT}
    assert access_of(["admin"], [], mine).scopes == set()


@pytest.mark.parametrize("role", DEFAULT_ROLES)
@pytest.mark.parametrize("claimed", [None, *Scope])
def test_no_token_grants_more_than_its_roles(role: str, claimed: Scope | None):
    assert access_of([role], [claimed] if claimed else []).scopes <= DEFAULT_ROLES[role].scopes


ML, ETL = StartsWith("workflow_name", "ml-"), equals("workflow_name", "etl")


def role(*scopes: str, visible: Filter | None = None) -> Role:
    return Role(frozenset(map(Scope, scopes)), visible)


FILTERED: Roles = {
    "viewer": role(READ),
    "auditor": role("audit:read"),
    "everything": role(READ, TENANT, PAYLOAD),
    "ml": role(TENANT, visible=ML),
    "ml-payload": role(TENANT, PAYLOAD, visible=ML),
    "etl-payload": role(READ, PAYLOAD, visible=ETL),
}


@pytest.mark.parametrize(
    ("names", "claimed", "grants"),
    [
        pytest.param(["ml"], [], {(READ, ML), (TENANT, ML)}, id="one's own are filtered, too"),
        pytest.param(["viewer"], [], set[tuple[str, Filter]](), id="without a filter there is nothing to say"),
        pytest.param(
            ["viewer", "ml"], [], {(READ, EVERYTHING), (READ, ML), (TENANT, ML)}, id="each scope with its filter"
        ),
        pytest.param(
            ["ml", "etl-payload"], [], {(READ, ML), (TENANT, ML), (READ, ETL)}, id="two filters, each for its scopes"
        ),
        pytest.param(["ml"], [READ], {(READ, ML)}, id="fewer scopes than the role keep its filter"),
        pytest.param(["ml", "offline_access"], [], {(READ, ML), (TENANT, ML)}, id="an unknown role adds none"),
        pytest.param(["ml", "auditor"], [], {(READ, ML), (TENANT, ML)}, id="nor does one that shows nothing"),
        pytest.param(["ml"], ["audit:read"], set[tuple[str, Filter]](), id="nor one whose scopes are claimed away"),
        pytest.param(None, [TENANT], set[tuple[str, Filter]](), id="scopes without roles have none"),
    ],
)
def test_each_scope_to_read_comes_with_the_filter_of_its_role(
    names: list[str] | None, claimed: list[str], grants: set[tuple[str, Filter]]
):
    access = access_of(names, claimed, FILTERED)

    assert {(grant.scope.value, grant.visible) for grant in access.grants} == grants
    assert {grant.scope for grant in access.grants} <= access.scopes


@pytest.mark.parametrize(
    ("names", "allows", "withheld"),
    [
        pytest.param(["ml-payload"], {PAYLOAD}, set[str](), id="of the only role"),
        pytest.param(["ml-payload", "ml"], {PAYLOAD}, set[str](), id="of one of two with the same filter"),
        pytest.param(["ml-payload", "auditor"], {PAYLOAD}, set[str](), id="beside a role that shows nothing"),
        pytest.param(["ml-payload", "etl-payload"], {PAYLOAD}, set[str](), id="of both roles"),
        pytest.param(["ml-payload", "everything"], {PAYLOAD}, set[str](), id="of a role without a filter"),
        pytest.param(["ml-payload", "viewer"], set[str](), {PAYLOAD}, id="beside a role that shows more without it"),
        pytest.param(["etl-payload", "ml"], set[str](), {PAYLOAD}, id="beside a role that shows others without it"),
    ],
)
def test_payloads_need_every_role_that_shows_executions_to_give_them(
    names: list[str], allows: set[str], withheld: set[str]
):
    access = access_of(names, [], FILTERED)

    assert (access.scopes & {PAYLOAD}, access.partial_scopes) == (allows, withheld)


def test_the_order_of_roles_in_a_token_changes_nothing():
    assert access_of(["ml", "viewer", "etl-payload"], [], FILTERED) == access_of(
        ["etl-payload", "ml", "viewer"], [], FILTERED
    )

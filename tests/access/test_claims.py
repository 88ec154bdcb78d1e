from typing import Any

import pytest

from execution_monitor.access.claims import ClaimNames, ClaimReader, parse_claim_path
from execution_monitor.errors import Unauthenticated


def claims(**stated: Any) -> dict[str, Any]:
    return {"sub": "ada", "tenant_id": "acme", "exp": 4_000_000_000, **stated}


def read(stated: dict[str, Any], **names: str) -> Any:
    return ClaimReader(ClaimNames.named(**names)).read(stated)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("roles", ("roles",), id="a name"),
        pytest.param("realm_access.roles", ("realm_access", "roles"), id="a name within another"),
        pytest.param("https://acme.example/roles", ("https://acme.example/roles",), id="a URL is one name"),
        pytest.param('"https://acme.example/app".roles', ("https://acme.example/app", "roles"), id="a URL, and within"),
        pytest.param(
            'resource_access."my.client".roles', ("resource_access", "my.client", "roles"), id="a quoted name between"
        ),
        pytest.param("urn:zitadel:iam:roles", ("urn:zitadel:iam:roles",), id="a URN"),
        pytest.param("cognito:groups", ("cognito:groups",), id="a name with a colon"),
    ],
)
def test_a_path_is_names_with_dots_between(text: str, path: tuple[str, ...]):
    assert parse_claim_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", '"a', 'a"b', '""', '"a"b', '"a".', 'a."b"c'])
def test_what_is_no_path_is_refused_with_how_to_write_one(text: str):
    with pytest.raises(ValueError, match="write names with dots between, in double quotes"):
        parse_claim_path(text)


@pytest.mark.parametrize(
    ("path", "stated"),
    [
        pytest.param("realm_access.roles", {"realm_access": {"roles": ["operator"]}}, id="Keycloak's realm"),
        pytest.param(
            'resource_access."exec.monitor".roles',
            {"resource_access": {"exec.monitor": {"roles": ["operator"]}}},
            id="Keycloak's client",
        ),
        pytest.param("https://acme.example/roles", {"https://acme.example/roles": ["operator"]}, id="Auth0's name"),
        pytest.param("cognito:groups", {"cognito:groups": ["operator"]}, id="Cognito's groups"),
        pytest.param("role", {"role": "operator"}, id="one role as text"),
    ],
)
def test_roles_are_found_where_the_setting_says(path: str, stated: dict[str, Any]):
    caller = read(claims(**stated, roles=["admin"]), roles=path)

    assert caller.roles == ("operator",)
    assert "manage" not in caller.scopes


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param({"realm_access.roles": ["admin"]}, id="a name with a dot is another claim"),
        pytest.param({"realm_access": "roles"}, id="text holds no claims"),
        pytest.param({"realm_access": ["roles"]}, id="nor does a list"),
        pytest.param({"realm_access": {}}, id="nor an empty object"),
        pytest.param({"realm_access": {"roles": None}}, id="null is nothing"),
    ],
)
def test_a_claim_that_is_elsewhere_is_not_there(stated: dict[str, Any]):
    caller = read(claims(**stated), roles="realm_access.roles")

    assert (caller.roles, caller.scopes) == ((), {"executions:read"})


def test_roles_that_stand_for_nothing_are_not_told():
    caller = read(claims(roles=["offline_access", "viewer", 7, "viewer", "auditor"]))

    assert caller.roles == ("viewer", "auditor")


def test_the_tenant_is_found_where_the_setting_says_and_nowhere_else():
    stated = claims(organisation={"id": "globex"})

    assert read(stated, tenant="organisation.id").tenant == "globex"
    with pytest.raises(Unauthenticated, match=r"lacks the claim organisation\.name"):
        read(stated, tenant="organisation.name")


@pytest.mark.parametrize(
    ("stated", "held"),
    [
        pytest.param({"scope": "executions:payload executions:read"}, {"executions:payload", "executions:read"}),
        pytest.param({"scope": ["executions:payload", 3]}, {"executions:payload"}),
        pytest.param({"scopes": ["executions:payload"]}, {"executions:payload"}),
        pytest.param({"scope": "", "scopes": ["manage"]}, {"executions:read"}),
        pytest.param({"scope": None}, {"executions:read"}),
        pytest.param({"scope": "executions:read", "roles": ["admin"]}, {"executions:read"}),
    ],
    ids=["text", "a list", "under its longer name", "the first name decides", "null", "fewer than the role's"],
)
def test_scopes_are_text_or_a_list(stated: dict[str, Any], held: set[str]):
    assert read(claims(**stated)).scopes == held


def test_scopes_are_found_where_the_setting_says():
    assert read(claims(scp="executions:payload", scope="manage"), scopes="scp").scopes == {"executions:payload"}


@pytest.mark.parametrize("claim", ["roles", "scope"])
@pytest.mark.parametrize("value", [{"admin": True}, 7, True], ids=["an object", "a number", "yes"])
def test_a_claim_of_another_shape_refuses_the_token_instead_of_allowing_a_guess(claim: str, value: Any):
    with pytest.raises(Unauthenticated, match=f"claim {claim}.* is neither text nor a list"):
        read(claims(**{claim: value}))

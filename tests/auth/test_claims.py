from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.auth.claims import ClaimNames, ClaimReader, parse_claim_path
from execution_monitor.errors import Forbidden, Unauthenticated


def claims(**others: Any) -> dict[str, Any]:
    return {"sub": "ada", "tenant_id": "acme", "exp": 4_000_000_000, **others}


def read(token_claims: dict[str, Any], *, roles_required: bool = False, **names: str) -> Caller:
    return ClaimReader(ClaimNames.parse(**names), roles_required=roles_required).read(token_claims)


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
def test_text_that_is_no_path_is_refused_with_how_to_write_one(text: str):
    with pytest.raises(ValueError, match="write names with dots between, in double quotes"):
        parse_claim_path(text)


@pytest.mark.parametrize(
    ("path", "others"),
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
def test_roles_are_read_from_the_configured_claim(path: str, others: dict[str, Any]):
    caller = read(claims(**others, roles=["admin"]), roles=path)

    assert caller.roles == ("operator",)
    assert "manage" not in caller.scopes


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"realm_access.roles": ["admin"]}, id="a name with a dot is another claim"),
        pytest.param({"realm_access": "roles"}, id="text holds no claims"),
        pytest.param({"realm_access": ["roles"]}, id="nor does a list"),
        pytest.param({"realm_access": {}}, id="nor an empty object"),
        pytest.param({"realm_access": {"roles": None}}, id="null is nothing"),
    ],
)
def test_a_claim_at_another_path_is_ignored(others: dict[str, Any]):
    caller = read(claims(**others), roles="realm_access.roles")

    assert (caller.roles, caller.scopes) == ((), {"executions:read"})


def test_unknown_roles_are_not_reported():
    caller = read(claims(roles=["offline_access", "viewer", 7, "viewer", "auditor"]))

    assert caller.roles == ("viewer", "auditor")


def test_the_tenant_is_read_from_the_configured_claim_alone():
    token_claims = claims(organisation={"id": "globex"})

    assert read(token_claims, tenant="organisation.id").tenant == "globex"
    with pytest.raises(Unauthenticated, match=r"lacks the claim organisation\.name"):
        read(token_claims, tenant="organisation.name")


@pytest.mark.parametrize("tenant", ["acme", ["acme"]], ids=["text", "a list of one text"])
def test_a_tenant_may_be_a_list_of_one(tenant: Any):
    assert read(claims(tenant_id=tenant)).tenant == "acme"
    assert read(claims(organisation={"ids": tenant}), tenant="organisation.ids").tenant == "acme"


@pytest.mark.parametrize(
    ("tenant", "sentence"),
    [
        pytest.param(["acme", "globex"], "claim tenant_id or tenant lists several tenants", id="two"),
        pytest.param(["acme", "acme"], "lists several tenants", id="one twice"),
        pytest.param([], "lacks the claim tenant_id or tenant", id="none"),
        pytest.param([7], "lacks the claim", id="a number"),
        pytest.param([["acme"]], "lacks the claim", id="a list in a list"),
        pytest.param([""], "lacks the claim", id="an empty text"),
        pytest.param({"acme": True}, "lacks the claim", id="an object"),
    ],
)
def test_a_tenant_that_is_not_one_text_refuses_the_token(tenant: Any, sentence: str):
    with pytest.raises(Unauthenticated, match=sentence):
        read(claims(tenant_id=tenant, tenant="globex"))


def test_a_subject_may_not_be_a_list():
    with pytest.raises(Unauthenticated, match="lacks the claim sub"):
        read(claims(sub=["ada"]))


@pytest.mark.parametrize("scope", [None, "executions:read", "executions:read:tenant executions:payload", "manage"])
def test_a_list_of_no_roles_allows_nothing_whatever_the_scopes(scope: str | None):
    caller = read(claims(roles=[], scope=scope))

    assert (caller.roles, caller.scopes) == ((), frozenset())


DISTRIBUTED = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}


@pytest.mark.parametrize("roles_required", [False, True])
@pytest.mark.parametrize(
    ("path", "named", "others"),
    [
        pytest.param("groups", "groups", DISTRIBUTED, id="Entra's overage"),
        pytest.param("groups", "groups", {"hasgroups": True}, id="Entra's overage, implicit flow"),
        pytest.param("groups", "groups", {"hasgroups": "true"}, id="likewise, as text"),
        pytest.param("groups", "groups", {"hasgroups": True, "groups": None}, id="with a claim that is null"),
        pytest.param("roles", "roles", {"_claim_names": {"roles": "src1"}}, id="roles of another source"),
        pytest.param(
            "realm_access.roles", "realm_access.roles", {"_claim_names": {"realm_access": "s"}}, id="what they are in"
        ),
        pytest.param(
            "https://a.example/r", "https://a.example/r", {"_claim_names": {"https://a.example/r": "s"}}, id="URL"
        ),
        pytest.param("groups", "scope", {"groups": ["admin"], "_claim_names": {"scope": "s"}}, id="scopes elsewhere"),
    ],
)
@pytest.mark.parametrize("scope", [None, "executions:read", "executions:read:tenant manage"])
def test_distributed_roles_allow_nothing_and_are_named(
    path: str,
    named: str,
    others: dict[str, Any],
    scope: str | None,
    roles_required: bool,  # noqa: FBT001 - a case
):
    if named == "scope":
        scope = None
    caller = read(claims(**others, scope=scope), roles=path, roles_required=roles_required)

    assert (caller.roles, caller.scopes) == ((), frozenset())
    with pytest.raises(Forbidden, match=r"group overage") as refusal:
        caller.require(Scope.EXECUTIONS_READ)
    assert f"lacks the claim {named}," in refusal.value.message


@pytest.mark.parametrize(
    ("path", "others"),
    [
        pytest.param("roles", {**DISTRIBUTED, "hasgroups": True}, id="where roles are not groups"),
        pytest.param("groups", {"hasgroups": False}, id="where there are none"),
        pytest.param("groups", {"_claim_names": {}}, id="where nothing is elsewhere"),
        pytest.param("groups", {"_claim_names": ["groups"]}, id="where nothing is named"),
        pytest.param("groups", {"groups": ["viewer"], **DISTRIBUTED}, id="where they are here"),
    ],
)
def test_other_distributed_claims_do_not_matter(path: str, others: dict[str, Any]):
    caller = read(claims(**others), roles=path)

    assert (caller.scopes, caller.distributed_claim) == ({"executions:read"}, None)


@pytest.mark.parametrize("others", [{}, {"roles": None}, {"scope": "manage"}], ids=["nothing", "null", "scopes alone"])
def test_where_roles_are_required_a_token_without_them_is_refused(others: dict[str, Any]):
    assert read(claims(**others)).scopes

    with pytest.raises(Unauthenticated, match=r"lacks the claim groups; get one that lists your roles"):
        read(claims(**others), roles="groups", roles_required=True)


def test_where_roles_are_required_a_token_with_them_is_accepted():
    assert read(claims(roles=["viewer"]), roles_required=True).scopes == {"executions:read"}
    assert read(claims(roles=[]), roles_required=True).scopes == set()


@pytest.mark.parametrize(
    ("others", "held"),
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
def test_scopes_are_text_or_a_list(others: dict[str, Any], held: set[str]):
    assert read(claims(**others)).scopes == held


def test_scopes_are_read_from_the_configured_claim():
    assert read(claims(scp="executions:payload", scope="manage"), scopes="scp").scopes == {"executions:payload"}


@pytest.mark.parametrize("claim", ["roles", "scope"])
@pytest.mark.parametrize("value", [{"admin": True}, 7, True], ids=["an object", "a number", "yes"])
def test_a_claim_of_another_shape_refuses_the_token_instead_of_allowing_a_guess(claim: str, value: Any):
    with pytest.raises(Unauthenticated, match=f"claim {claim}.* is neither text nor a list"):
        read(claims(**{claim: value}))

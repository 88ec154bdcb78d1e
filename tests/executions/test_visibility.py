"""Visibility: the one predicate that decides who sees which execution."""

from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to

OWNER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
OPERATOR = Caller("olga", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))
NAMESAKE = Caller("ada", "globex", frozenset({Scope.EXECUTIONS_READ}))


@pytest.mark.parametrize(
    ("caller", "query"),
    [
        pytest.param(OWNER, {"tenant_id": "acme", "user_id": "ada"}, id="an owner sees their own"),
        pytest.param(OPERATOR, {"tenant_id": "acme"}, id="an operator sees the tenant's"),
        pytest.param(NAMESAKE, {"tenant_id": "globex", "user_id": "ada"}, id="a namesake sees another tenant's"),
        pytest.param(
            Caller("ada", "acme", frozenset({"executions:*", "admin", "executions:read:tenants"})),
            {"tenant_id": "acme", "user_id": "ada"},
            id="a scope that is not the tenant's gives no more",
        ),
        pytest.param(
            Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}), roles=("operator", "admin")),
            {"tenant_id": "acme", "user_id": "ada"},
            id="a role gives no more",
        ),
    ],
)
def test_visibility_is_a_query(caller: Caller, query: dict[str, Any]) -> None:
    assert visible_to(caller).to_mongo() == query


OTHER_SCOPES = frozenset(Scope) - {Scope.EXECUTIONS_READ_TENANT}


@pytest.mark.parametrize("scopes", [*(frozenset({each}) for each in sorted(OTHER_SCOPES)), OTHER_SCOPES], ids=" ".join)
def test_no_other_scope_and_not_all_of_them_show_more_than_ones_own(scopes: frozenset[Scope]) -> None:
    assert visible_to(Caller("ada", "acme", scopes)).to_mongo() == {"tenant_id": "acme", "user_id": "ada"}


@pytest.mark.parametrize(
    ("document", "seen_by"),
    [
        pytest.param({"tenant_id": "acme", "user_id": "ada"}, [OWNER, OPERATOR], id="the owner's"),
        pytest.param({"tenant_id": "acme", "user_id": "ben"}, [OPERATOR], id="a colleague's"),
        pytest.param({"tenant_id": "globex", "user_id": "ada"}, [NAMESAKE], id="the namesake's"),
        pytest.param({"tenant_id": "acme"}, [OPERATOR], id="without an owner"),
        pytest.param({"user_id": "ada"}, [], id="of no tenant"),
        pytest.param({"tenant_id": "ACME", "user_id": "ADA"}, [], id="in another case"),
        pytest.param({}, [], id="without owner and tenant"),
    ],
)
def test_visibility_is_a_predicate(document: dict[str, str], seen_by: list[Caller]) -> None:
    assert [caller for caller in (OWNER, OPERATOR, NAMESAKE) if visible_to(caller).matches(document)] == seen_by

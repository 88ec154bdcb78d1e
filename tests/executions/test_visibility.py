"""Visibility: the one predicate that decides who sees which execution."""

from typing import Any

import pytest

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, StartsWith, all_of, equals

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


@pytest.mark.parametrize(
    "scopes",
    [*(frozenset({each}) for each in sorted(OTHER_SCOPES)), OTHER_SCOPES],
    ids=lambda scopes: " ".join(sorted(scopes)),
)
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


IN_ACME, OWN = equals("tenant_id", "acme"), equals("user_id", "ada")
ML, ETL = StartsWith("workflow_name", "ml-"), equals("workflow_name", "etl")
READ, TENANT = Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT


def granted(*grants: tuple[Scope, Filter]) -> Caller:
    return Caller("ada", "acme", frozenset(scope for scope, _ in grants), grants=tuple(Grant(*each) for each in grants))


@pytest.mark.parametrize(
    ("caller", "where"),
    [
        pytest.param(granted((READ, ML)), all_of(IN_ACME, OWN, ML), id="one's own that match"),
        pytest.param(granted((READ, ML), (TENANT, ML)), all_of(IN_ACME, ML), id="the tenant's that match"),
        pytest.param(
            granted((READ, EVERYTHING), (READ, ML), (TENANT, ML)),
            all_of(IN_ACME, AnyOf((OWN, ML))),
            id="one's own, and the tenant's that match",
        ),
        pytest.param(
            granted((READ, ETL), (READ, ML), (TENANT, ML)),
            all_of(IN_ACME, AnyOf((all_of(OWN, ETL), ML))),
            id="one's own that match one filter, and the tenant's that match another",
        ),
        pytest.param(
            granted((READ, ETL), (TENANT, ETL), (READ, ML), (TENANT, ML)),
            all_of(IN_ACME, AnyOf((ETL, ML))),
            id="the tenant's that match one of two filters",
        ),
        pytest.param(
            granted((READ, EVERYTHING), (TENANT, EVERYTHING), (READ, ML), (TENANT, ML)),
            IN_ACME,
            id="a role without a filter shows the whole tenant",
        ),
        pytest.param(
            granted((READ, EVERYTHING), (READ, ML)), all_of(IN_ACME, OWN), id="a role without a filter shows one's own"
        ),
    ],
)
def test_roles_with_filters_show_what_any_of_them_shows(caller: Caller, where: Filter) -> None:
    assert visible_to(caller) == where


def test_callers_who_differ_in_a_filter_alone_are_not_confused() -> None:
    assert hash(granted((READ, ML))) == hash(granted((READ, ETL)))
    assert visible_to(granted((READ, ML))) != visible_to(granted((READ, ETL)))

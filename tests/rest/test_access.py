"""Visibility through REST: for other callers, an execution does not exist."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import jwt
import pytest

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.tokens import issue_token
from execution_monitor.rest.openapi import EXPORT_PATH
from tests.rest.client import Fetch, Store
from tests.rest.documents import A_FAILED_EXECUTION, ITS_STEPS, a_step, an_execution, executions
from tests.support.client import EXECUTIONS_PATH
from tests.support.tokens import SECRET

# Each has a value of the stored execution; a response that differs would reveal that it exists.
PROBES = [
    "status=failed",
    "workflow_id=nightly-v2",
    "start_date=2026-01-01&end_date=2026-01-01",
    "sort_by=duration",
    "page=2&page_size=1",
]


def signed(claims: dict[str, object], key: str = SECRET, algorithm: str = "HS256") -> str:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    return jwt.encode({"sub": "ada", "tenant_id": "acme", "exp": expiry, **claims}, key, algorithm)  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's


def expired() -> str:
    return issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=-timedelta(minutes=5))


@pytest.fixture(params=["another user", "another tenant", "an operator of another tenant"])
def stranger(request: pytest.FixtureRequest, token_for: Callable[..., str]) -> str:
    tokens = {
        "another user": token_for("grace", "acme", Scope.EXECUTIONS_PAYLOAD),
        "another tenant": token_for("ada", "globex", Scope.EXECUTIONS_PAYLOAD),
        "an operator of another tenant": token_for(
            "olivia", "globex", Scope.EXECUTIONS_PAYLOAD, Scope.EXECUTIONS_READ_TENANT
        ),
    }
    return tokens[request.param]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="no token"),
        pytest.param("", id="an empty header"),
        pytest.param("Bearer", id="a scheme alone"),
        pytest.param("Bearer garbage", id="garbage"),
        pytest.param(f"Basic {signed({})}", id="another scheme"),
        pytest.param(f"Bearer {expired()}", id="an expired token"),
        pytest.param(f"Bearer {signed({}, key='', algorithm='none')}", id="no signature"),
        pytest.param(f"Bearer {signed({}, key=SECRET[::-1])}", id="another secret"),
        pytest.param(f"Bearer {signed({}, algorithm='HS384')}", id="another algorithm"),
        pytest.param(f"Bearer {signed({'exp': None})}", id="a token without an expiry"),
        pytest.param(f"Bearer {signed({'tenant_id': None})}", id="no tenant"),
        pytest.param(f"Bearer {signed({'sub': ''})}", id="no subject"),
    ],
)
async def test_without_a_valid_token_all_responses_are_the_same_error(server: str, store: Store, header: str | None):
    await store([A_FAILED_EXECUTION])
    headers = {} if header is None else {"Authorization": header}

    async with httpx2.AsyncClient(base_url=server, headers=headers) as client:
        responses = [
            await client.get(path)
            for path in (
                EXECUTIONS_PATH,
                f"{EXECUTIONS_PATH}/run-1",
                f"{EXECUTIONS_PATH}/run-2",
                f"{EXECUTIONS_PATH}?page=no",
                f"{EXPORT_PATH}?format=no",
            )
        ]

    assert {response.status_code for response in responses} == {401}
    assert {response.headers["www-authenticate"] for response in responses} == {"Bearer"}
    assert {response.headers["content-type"] for response in responses} == {"application/problem+json"}
    assert len({response.content for response in responses}) == 1
    assert responses[0].json()["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("path", [EXECUTIONS_PATH, f"{EXECUTIONS_PATH}/run-1", EXPORT_PATH])
async def test_a_token_with_other_scopes_is_forbidden(fetch: Fetch, store: Store, path: str):
    await store([A_FAILED_EXECUTION])

    response = await fetch(path, token=signed({"scope": "billing:read executions:payload"}))

    assert response.status_code == 403
    assert response.json()["code"] == "FORBIDDEN"
    assert "executions:read" in response.json()["detail"]


async def test_lists_of_a_stranger_are_the_same_as_without_the_execution(fetch: Fetch, store: Store, stranger: str):
    queries = [EXECUTIONS_PATH, *(f"{EXECUTIONS_PATH}?{probe}" for probe in PROBES)]
    queries += [EXPORT_PATH, *(f"{EXPORT_PATH}?{probe}" for probe in PROBES if "page" not in probe)]
    before = [(await fetch(query, token=stranger)).content for query in queries]
    await store([A_FAILED_EXECUTION], ITS_STEPS)

    after = [(await fetch(query, token=stranger)).content for query in queries]

    assert after == before
    assert (await fetch(EXECUTIONS_PATH)).json()["total"] == 1


async def test_responses_for_an_invisible_execution_and_an_unknown_one_are_the_same_bytes(
    fetch: Fetch, store: Store, stranger: str
):
    await store([A_FAILED_EXECUTION], ITS_STEPS)

    invisible, unknown = (
        await fetch(f"{EXECUTIONS_PATH}/run-1", token=stranger),
        await fetch(f"{EXECUTIONS_PATH}/run-2", token=stranger),
    )

    assert invisible.status_code == unknown.status_code == 404
    assert invisible.content == unknown.content
    varying = {"date": "", "x-request-id": ""}
    assert {**invisible.headers, **varying} == {**unknown.headers, **varying}
    assert (await fetch(f"{EXECUTIONS_PATH}/run-1")).status_code == 200


async def test_a_cursor_is_refused_for_another_caller(fetch: Fetch, store: Store, stranger: str):
    await store(executions(3))
    cursor = (await fetch(f"{EXECUTIONS_PATH}?limit=1")).json()["pagination"]["next_cursor"]

    response = await fetch(f"{EXECUTIONS_PATH}?limit=1&cursor={cursor}", token=stranger)

    assert response.status_code == 400
    assert response.json()["code"] == "INVALID_CURSOR"


async def test_tenants_with_the_same_id_see_their_own_execution_and_steps(
    fetch: Fetch, store: Store, token_for: Callable[..., str]
):
    await store(
        [an_execution("same"), an_execution("same", tenant_id="globex", workflow_name="theirs")],
        [a_step("same", 0), a_step("same", 0, tenant_id="globex", step_name="Their step")],
    )

    ours = (await fetch(f"{EXECUTIONS_PATH}/same")).json()
    theirs = (await fetch(f"{EXECUTIONS_PATH}/same", token=token_for("ada", "globex"))).json()

    assert (ours["workflow_name"], [step["step_name"] for step in ours["steps"]]) == ("nightly", ["Step 0"])
    assert (theirs["workflow_name"], [step["step_name"] for step in theirs["steps"]]) == ("theirs", ["Their step"])


async def test_an_operator_sees_all_of_the_tenant_and_no_payload_without_its_scope(
    fetch: Fetch, store: Store, token_for: Callable[..., str]
):
    await store([A_FAILED_EXECUTION, an_execution("of-grace", user_id="grace")], ITS_STEPS)
    operator = token_for("olivia", "acme", Scope.EXECUTIONS_READ_TENANT)

    listed, detail = (
        await fetch(EXECUTIONS_PATH, token=operator),
        await fetch(f"{EXECUTIONS_PATH}/run-1", token=operator),
    )

    assert {each["execution_id"] for each in listed.json()["executions"]} == {"run-1", "of-grace"}
    assert "in.csv" not in detail.text
    assert '"rows"' not in detail.text
    assert detail.json()["warnings"]

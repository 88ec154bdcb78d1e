"""GraphQL over HTTP, at a real socket."""

import contextlib
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from tests.support.client import execute
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import SECRET

Token = Callable[..., str]
WHO = "{ viewer { userId } }"

# Two servers for all of these tests, none of which depends on stored documents.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def running(mongodb_uri: str, database_name: str, environment: Any, **others: Any) -> AsyncGenerator[str]:
    settings = Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment=environment,
        **others,
    )
    async with served(create_app(settings)) as url:
        await wait_until_ready(url)
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(mongodb_uri: str, database_name: str) -> AsyncGenerator[str]:
    async with running(mongodb_uri, database_name, "production") as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def development(mongodb_uri: str, database_name: str) -> AsyncGenerator[str]:
    async with running(mongodb_uri, database_name, "development") as url:
        yield url


async def send(server: str, method: str, token: str | None = None, **request: Any) -> httpx2.Response:
    headers = {**({"authorization": f"Bearer {token}"} if token else {}), **request.pop("headers", {})}
    async with httpx2.AsyncClient(timeout=30) as client:
        return await client.request(method, server + request.pop("url", "/graphql"), headers=headers, **request)


async def test_a_query_has_a_response_of_the_accepted_media_type(server: str, token_for: Token):
    token = token_for("ada", "acme")

    new = await send(
        server, "POST", token, json={"query": WHO}, headers={"accept": "application/graphql-response+json"}
    )
    old = await send(server, "POST", token, json={"query": WHO})

    assert new.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert old.headers["content-type"] == "application/json; charset=utf-8"
    assert new.json()["data"] == old.json()["data"] == {"viewer": {"userId": "ada"}}


@pytest.mark.parametrize(
    ("lines", "status", "media_type"),
    [
        (["text/html", "application/graphql-response+json"], 200, "application/graphql-response+json"),
        (["application/graphql-response+json;q=0.5", "text/html, application/json"], 200, "application/json"),
        (["text/html", "text/plain"], 406, "application/graphql-response+json"),
    ],
)
async def test_two_lines_of_accept_are_one_list(
    server: str, token_for: Token, lines: list[str], status: int, media_type: str
):
    headers = [("Authorization", f"Bearer {token_for('ada', 'acme')}"), *(("Accept", line) for line in lines)]
    # httpx2 sends each as a line of its own, and no other.
    async with httpx2.AsyncClient() as client:
        request = client.build_request("POST", f"{server}/graphql", json={"query": WHO})
        request.headers = httpx2.Headers([*(each for each in request.headers.items() if each[0] != "accept"), *headers])
        answer = await client.send(request)

    assert [each for name, each in request.headers.multi_items() if name == "accept"] == lines
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, media_type)


async def test_a_browser_that_opens_the_address_is_sent_to_graphiql(server: str, development: str, token_for: Token):
    page = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    token = token_for("ada", "acme")

    opened = await send(development, "GET", headers=page)
    asked = await send(development, "GET", token, headers=page, params={"query": WHO})
    without = await send(server, "GET", token, headers=page)

    assert (opened.status_code, opened.headers["location"]) == (303, "/graphiql")
    assert asked.json()["data"] == {"viewer": {"userId": "ada"}}
    assert without.status_code == 422  # GraphiQL is not served


async def test_a_request_error_has_no_data_and_a_status_of_its_own(server: str, token_for: Token):
    token = token_for("ada", "acme")

    new = await execute(server, token, "{ nothing }")
    old = await send(server, "POST", token, json={"query": "{ nothing }"}, headers={"accept": "application/json"})

    assert (new.status, new.codes) == (old.status_code, ["BAD_USER_INPUT"]) == (422, ["BAD_USER_INPUT"])
    # By this type alone can a client distinguish it from the response of a proxy.
    assert old.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert "data" not in new.body
    assert "data" not in old.json()


async def test_a_get_carries_the_query_in_its_query_string(server: str, token_for: Token):
    parameters = {
        "query": "query Q($first: Int) { executions(first: $first) { totalCount } }",
        "variables": '{"first": 1}',
    }

    answer = await send(server, "GET", token_for("ada", "nowhere"), params=parameters)

    assert answer.json()["data"] == {"executions": {"totalCount": 0}}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({"content": b"", "headers": {"content-type": "application/json"}}, 400, id="an empty body"),
        pytest.param({"content": b"{", "headers": {"content-type": "application/json"}}, 400, id="half a body"),
        pytest.param({"content": b"\xff", "headers": {"content-type": "application/json"}}, 400, id="not UTF-8"),
        pytest.param(
            {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 400, id="nested 100,000 deep"
        ),
        pytest.param({"json": [{"query": WHO}]}, 422, id="a list"),
        pytest.param({"content": b"null", "headers": {"content-type": "application/json"}}, 422, id="null"),
        pytest.param({"json": {}}, 422, id="no query"),
        pytest.param({"json": {"query": " "}}, 422, id="an empty query"),
        pytest.param({"json": {"query": 1}}, 422, id="a query that is not text"),
        pytest.param({"json": {"query": WHO, "variables": "x"}}, 422, id="variables that are text"),
        pytest.param({"json": {"query": WHO, "variables": []}}, 422, id="variables that are a list"),
        pytest.param({"json": {"query": WHO, "operationName": 3}}, 422, id="a name that is a number"),
        pytest.param({"content": WHO, "headers": {"content-type": "application/graphql"}}, 415, id="another type"),
        pytest.param({"content": WHO, "headers": {"content-type": "text/plain"}}, 415, id="a type that forms can send"),
        pytest.param({"data": {"query": WHO}}, 415, id="a form"),
        pytest.param({"files": {"query": b"{}"}}, 415, id="a form with files"),
        pytest.param({"content": b'{"query": "{ viewer { userId } }"}'}, 415, id="JSON without a content type"),
        pytest.param(
            {"content": b"{}", "headers": {"content-type": "application/json; charset=utf-16"}},
            415,
            id="declared as not UTF-8",
        ),
        pytest.param(
            {"content": b"{}", "headers": {"content-type": "application/jsonp"}}, 415, id="a type that begins alike"
        ),
        pytest.param({"json": {"query": WHO}, "headers": {"accept": "text/html"}}, 406, id="a response in HTML"),
        pytest.param(
            {"content": b'{"query": "\\ud800"}', "headers": {"content-type": "application/json"}},
            400,
            id="half a surrogate pair",
        ),
    ],
)
async def test_a_malformed_request_is_refused_with_a_sentence(
    server: str, token_for: Token, request_: dict[str, Any], status: int
):
    answer = await send(server, "POST", token_for("ada", "acme"), **request_)

    (error,) = answer.json()["errors"]
    assert answer.status_code == status
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].endswith(".")


@pytest.mark.parametrize("chunked", [False, True], ids=["with a content length", "in chunks"])
async def test_a_body_beyond_the_limit_is_refused(server: str, token_for: Token, chunked: bool):  # noqa: FBT001 - a case
    body = b'{"query": "' + b" " * 1_100_000 + b'"}'

    async def chunks() -> AsyncGenerator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    content = chunks() if chunked else body
    answer = await send(
        server, "POST", token_for("ada", "acme"), content=content, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413
    assert "larger than 1,048,576 bytes" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_not_allowed(server: str, token_for: Token, method: str):
    answer = await send(server, method, token_for("ada", "acme"), json={"query": WHO})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_a_head_is_a_get_without_its_body(server: str, token_for: Token):
    token = token_for("ada", "acme")

    got = await send(server, "GET", token, params={"query": WHO})
    head = await send(server, "HEAD", token, params={"query": WHO})

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_no_cache_may_store_a_response(server: str, token_for: Token):
    for answer in (
        await send(server, "GET", token_for("ada", "acme"), params={"query": WHO}),
        await send(server, "GET", params={"query": WHO}),
    ):
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("sent", [{"origin": "https://stranger.example.com"}, {"sec-fetch-site": "cross-site"}])
async def test_a_page_of_another_site_sends_no_mutation(server: str, token_for: Token, sent: dict[str, str]):
    token = token_for("ada", "acme", "executions:write")
    values = f'executionId: "{uuid.uuid4()}", reportedAt: "2026-11-01T00:00:00Z"'
    report = f"mutation {{ reportExecution(input: {{ {values} }}) {{ changed }} }}"

    refused = await send(server, "POST", token, json={"query": report}, headers=sent)
    read = await send(server, "POST", token, json={"query": WHO}, headers=sent)
    own = await send(server, "POST", token, json={"query": report}, headers={"origin": server})

    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert read.json()["data"] == {"viewer": {"userId": "ada"}}
    assert own.json()["data"] == {"reportExecution": {"changed": True}}


async def test_a_get_carries_no_mutation(server: str, token_for: Token):
    token = token_for("ada", "acme")

    got = await send(server, "GET", token, params={"query": "mutation { change }"})

    # Whether it is valid or not.
    assert (got.status_code, got.headers["allow"]) == (405, "POST")


def without_points(answer: httpx2.Response) -> dict[str, Any]:
    """The body without the remaining points, which decrease with each request."""
    return {name: value for name, value in answer.json().items() if name != "extensions"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("{", 400, id="not JSON"),
        pytest.param('{"query": 1}', 422, id="not a request"),
        pytest.param('{"qeury": "{ viewer { userId } }"}', 422, id="a misspelt name"),
        pytest.param('{"query": "{ viewer { userId } }", "variables": [7]}', 422, id="variables in a list"),
        pytest.param('{"query": "{ viewer { userId } }", "extensions": []}', 422, id="extensions in a list"),
        pytest.param('{"query": "{ broken"}', 400, id="bad syntax"),
        pytest.param('{"query": "{ nothing }"}', 422, id="an unknown field"),
        pytest.param('{"query": "query A { viewer { userId } }", "operationName": "B"}', 422, id="another name"),
        pytest.param(
            '{"query": "query A { viewer { userId } } query B { viewer { userId } }"}', 422, id="several operations"
        ),
        pytest.param('{"query": "fragment A on Viewer { userId }"}', 422, id="no operation"),
        pytest.param(
            '{"query": "query A($n: Int) { executions(first: $n) { totalCount } }", "variables": {"n": "x"}}',
            422,
            id="an invalid variable",
        ),
        # It ran: its errors are beside its data.
        pytest.param('{"query": "{ executions(first: 0) { totalCount } }"}', 200, id="an invalid argument"),
        pytest.param(
            '{"query": "{ viewer { userId } executions(first: 0) { totalCount } }"}',
            200,
            id="an error in one of two fields",
        ),
    ],
)
async def test_a_status_follows_graphql_over_http(server: str, token_for: Token, body: str, status: int):
    token, kind = token_for("ada", "acme"), {"content-type": "application/json"}

    answers = [
        await send(server, "POST", token, content=body, headers={**kind, **accept})
        for accept in ({"accept": "application/graphql-response+json"}, {"accept": "application/json"}, {})
    ]

    new, *legacy = [answer.headers["content-type"] for answer in answers]
    assert [answer.status_code for answer in answers] == [status] * 3
    assert without_points(answers[0]) == without_points(answers[1]) == without_points(answers[2])
    assert new == "application/graphql-response+json; charset=utf-8"
    assert legacy == [new if status >= 400 else "application/json; charset=utf-8"] * 2


@pytest.mark.parametrize("accept", ["application/graphql-response+json", "application/json", "*/*", "text/html"])
async def test_every_refusal_is_declared_as_a_graphql_response(server: str, token_for: Token, accept: str):
    headers = {"accept": accept}
    token = token_for("ada", "acme")

    answers = [
        await send(server, "POST", None, json={"query": WHO}, headers=headers),
        await send(server, "GET", token, params={"query": "mutation { change }"}, headers=headers),
        await send(server, "POST", token, content=b" " * 1_100_000, headers={**headers, "content-type": "text/plain"}),
    ]

    assert [each.status_code for each in answers] == ([406] * 3 if accept == "text/html" else [401, 405, 415])
    for each in answers:
        assert each.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
        assert each.json()["errors"]


@pytest.mark.parametrize("name", ["variables", "extensions", "operationName", "documentId"])
@pytest.mark.parametrize("accept", ["application/graphql-response+json", "application/json"])
async def test_an_empty_query_parameter_counts_as_absent(server: str, token_for: Token, name: str, accept: str):
    answer = await send(
        server, "GET", token_for("ada", "acme"), params={"query": WHO, name: ""}, headers={"accept": accept}
    )

    assert answer.json()["data"] == {"viewer": {"userId": "ada"}}


@pytest.mark.parametrize("text", ["\0", "a\0b", "\uffff", "\U0001f600", "$where", "a.b", ""])
async def test_odd_strings_are_plain_values_everywhere(server: str, token_for: Token, text: str):
    operation = """query Q($t: String!) {
      execution(executionId: $t) { id }
      executions(filter: { or: [
        { executionId: { eq: $t } } { workflowName: { startsWith: $t, contains: $t, in: [$t], notIn: [$t] } }
        { tags: { key: $t, value: $t } } { errorCode: { eq: $t } }
      ] }) { totalCount }
    }"""

    answer = await execute(server, token_for("ada", "nowhere"), operation, t=text)

    assert answer.data == {"execution": None, "executions": {"totalCount": 0}}


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"query": ""}, id="an empty query"),
        pytest.param({"query": WHO, "variables": "{"}, id="variables that are not JSON"),
        pytest.param({"query": WHO, "variables": "[]"}, id="variables that are a list"),
        pytest.param({"query": WHO, "extensions": "1"}, id="extensions that are a number"),
    ],
)
async def test_a_get_without_a_well_formed_request_is_refused(
    server: str, token_for: Token, parameters: dict[str, str]
):
    answer = await send(server, "GET", token_for("ada", "acme"), params=parameters)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (422, "BAD_USER_INPUT")


@pytest.mark.parametrize("number", ["9" * 6_000, "1e999", "-" + "9" * 400, "0." + "1" * 6_000])
async def test_a_number_of_any_length_is_bad_user_input(server: str, token_for: Token, number: str):
    operation = "query Q($n: Int) { executions(first: $n) { totalCount } }"
    body = f'{{"query": "{operation}", "variables": {{"n": {number}}}}}'

    answer = await send(
        server, "POST", token_for("ada", "acme"), content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code in (200, 400, 422)
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert len(answer.json()["errors"][0]["message"]) <= 500


async def test_several_operations_need_a_name(server: str, token_for: Token):
    token = token_for("ada", "acme")
    body = {"query": "query A { viewer { userId } } query B { viewer { tenantId } }"}

    unnamed = await send(server, "POST", token, json=body)
    named = await send(server, "POST", token, json={**body, "operationName": "B"})
    unknown = await send(server, "POST", token, json={**body, "operationName": "C"})

    assert unnamed.json()["errors"][0]["message"] == "Several operations were sent; name one in operationName."
    assert named.json()["data"] == {"viewer": {"tenantId": "acme"}}
    assert unknown.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "data" not in unknown.json()


@pytest.mark.parametrize(
    "operation",
    [
        WHO,
        "{ executions { totalCount } }",
        '{ execution(executionId: "e") { id } }',
        '{ node(id: "x") { id } }',
        "{ nodes(ids: []) { id } }",
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ broken",
    ],
)
async def test_without_a_token_every_operation_is_unauthenticated(server: str, operation: str):
    answer = await execute(server, None, operation)

    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "data" not in answer.body


async def test_the_body_of_a_client_without_a_token_is_not_read(server: str):
    body = b" " * 1_100_000

    async with httpx2.AsyncClient(base_url=server) as client:
        refused = await client.post("/graphql", content=body, headers={"content-type": "text/plain"})
        again = await client.post("/graphql", json={"query": WHO})

    assert (refused.status_code, again.status_code) == (401, 401)


async def test_a_token_in_the_query_string_does_not_count(server: str, token_for: Token):
    token = token_for("ada", "acme")

    answer = await send(
        server, "GET", params={"query": WHO, "access_token": token, "token": token, "authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 401


async def test_an_invalid_token_is_unauthenticated(server: str):
    answer = await execute(server, "garbage", "{ __schema { queryType { name } } }")

    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


@pytest.mark.parametrize(
    ("operation", "refusal", "sentence"),
    [
        pytest.param("{ a" * 300, (400, "QUERY_TOO_COMPLEX"), "nested too deeply", id="nested deeply"),
        pytest.param("{ " + "a " * 2_001 + "}", (400, "QUERY_TOO_COMPLEX"), "more than 2000 tokens", id="many tokens"),
        pytest.param(
            "{ executions(first: " + "9" * 6_000 + ") { totalCount } }",
            (422, "BAD_USER_INPUT"),
            "This value cannot be read as the type expected here.",
            id="a number of 6,000 digits",
        ),
        pytest.param(
            '{ executions(filter: { status: { eq: "' + "x" * 9_000 + '" } }) { totalCount } }',
            (422, "BAD_USER_INPUT"),
            "Enum 'ExecutionStatus' cannot represent non-enum value",
            id="a long value",
        ),
    ],
)
async def test_hostile_operations_get_short_errors(
    server: str, token_for: Token, operation: str, refusal: tuple[int, str], sentence: str
):
    answer = await execute(server, token_for("ada", "acme"), operation)

    assert {(answer.status, code) for code in answer.codes} == {refusal}
    assert sentence in answer.body["errors"][0]["message"]
    assert max(len(error["message"]) for error in answer.body["errors"]) <= 500


async def test_names_of_the_schema_are_not_suggested_in_production(server: str, token_for: Token):
    answer = await execute(server, token_for("ada", "acme"), "{ viewer { userIdd } }")

    assert answer.message == "Cannot query field 'userIdd' on type 'Viewer'."


TYPES = '__schema { queryType { name } } __type(name: "Viewer") { name }'


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(f"{{ {TYPES} }}", id="at the root"),
        pytest.param(f"{{ ...T ...T }} fragment T on Query {{ {TYPES} }}", id="in a fragment"),
        pytest.param(f"{{ ... {{ {TYPES} }} }}", id="in an inline fragment"),
    ],
)
async def test_types_can_be_queried_without_a_token_in_development(development: str, operation: str):
    answer = await execute(development, None, operation)

    assert answer.data == {"__schema": {"queryType": {"name": "Query"}}, "__type": {"name": "Viewer"}}


@pytest.mark.parametrize(
    "operation",
    [
        "{ __schema { queryType { name } } viewer { userId } }",
        "{ __schema { queryType { name } } ...F } fragment F on Query { viewer { userId } }",
        "{ __schema { queryType { name } } ... { viewer { userId } } }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { viewer { userId } }",
        "{ ...F } fragment F on Query { ...F }",
        "{ __schema { queryType { name } } ...F }",
        "{ __schema { queryType { name } } viewer @skip(if: true) { userId } }",
        "query A { __schema { queryType { name } } } query B { viewer { userId } }",
        "subscription { executionUpdates { kind } }",
        "{ __typename }",
        "{ broken",
        "fragment F on Query { viewer { userId } }",
    ],
)
async def test_without_a_token_only_types_can_be_queried_in_development(development: str, operation: str):
    answer = await execute(development, None, operation)

    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


async def test_an_invalid_token_is_unauthenticated_in_development_too(development: str):
    answer = await execute(development, "garbage", "{ __schema { queryType { name } } }")

    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


async def test_names_of_the_schema_are_suggested_in_development(development: str, token_for: Token):
    answer = await execute(development, token_for("ada", "acme"), "{ viewer { userIdd } }")

    assert answer.message == "Cannot query field 'userIdd' on type 'Viewer'. Did you mean 'userId'?"


async def test_an_internal_error_is_masked_and_has_an_id(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    tenant = uuid.uuid4().hex
    await store(execution(1, tenant_id=tenant))
    monkeypatch.setattr(
        "execution_monitor.storage.records.ExecutionRecord.name", property(lambda _: 1 / 0), raising=True
    )

    answer = await execute(server, token_for("ada", tenant), "{ executions { nodes { name executionId } } }")

    (error,) = answer.body["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["requestId"] in error["message"]
    assert "division" not in str(answer.body)
    assert answer.body["data"]["executions"]["nodes"] == [{"name": None, "executionId": "e001"}]


SCHEMA = "{ __schema { queryType { name } } }"


@pytest.mark.parametrize(
    ("setting", "environment", "is_allowed"),
    [
        pytest.param(None, "development", True, id="in development"),
        pytest.param(None, "production", False, id="elsewhere"),
        pytest.param(True, "production", True, id="elsewhere, when set"),
        pytest.param(False, "development", False, id="in development, unless set"),
    ],
)
async def test_introspection_is_on_in_development_or_where_it_is_set(  # noqa: PLR0913, PLR0917 - the columns of the table
    mongodb_uri: str, database_name: str, token_for: Token, setting: Any, environment: Any, is_allowed: Any
):
    async with running(mongodb_uri, database_name, environment, introspection=setting) as server:
        token = token_for("ada", "acme")
        schema = await send(server, "POST", token, json={"query": SCHEMA})
        mistake = await send(server, "POST", token, json={"query": "{ viewer { userIds } }"})
        named = await send(server, "POST", token, json={"query": "{ __typename }"})
        explorer = await send(server, "GET", token, url="/graphiql")

    assert ("data" in schema.json()) is is_allowed
    assert ("Did you mean" in mistake.text) is is_allowed
    assert named.json()["data"] == {"__typename": "Query"}
    assert (explorer.status_code == 404) is not is_allowed
    if not is_allowed:
        assert "introspection has been disabled" in schema.json()["errors"][0]["message"]

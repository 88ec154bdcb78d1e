"""Compares every API with the reference. One check is one fact: a person, a request, and a part of the response.

A response that lists executions is as many checks as executions are stored: each must be there, or must not.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.types.node import encode_id
from execution_monitor.graphql.types.updates import event_of
from execution_monitor.rest.openapi import EXPORT_PATH, STATISTICS_PATH
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.filters import EVERYTHING, Filter, equals
from execution_monitor.storage.server_documents import AccessKey
from tests.authorization_model.client import Client
from tests.authorization_model.live_statistics import counted_by, following_statistics
from tests.authorization_model.reference import (
    CHILDREN,
    IDS,
    KEYS_OF_CALLERS,
    OTHER_KEYS,
    READ,
    TENANTS,
    TRAILS,
    USERS,
    Key,
    Person,
    ReferenceModel,
    Row,
    recoveries_of,
    retries_of,
)
from tests.authorization_model.transports import Receive, following, receive_until
from tests.support.access_keys import made_key
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.documents import execution, store

LISTED = """query Q($where: ExecutionFilter, $sort: [ExecutionSort!], $after: String) {
  executions(first: 100, filter: $where, sort: $sort, after: $after) {
    totalCount edges { cursor node { sessionId } } liveCursor } }"""
FACETS = """query Q($where: ExecutionFilter) { executions(first: 1, filter: $where) { facets {
  status { value count } workflowName { value count } userId { value count } } } }"""
STATISTICS = """query Q($where: ExecutionFilter) { executionStatistics(filter: $where, interval: DAY) {
  count byStatus { status count } duration { count mean } series { count } documentsExamined
  users: groups(by: USER_ID) { value count } workflows: groups(by: WORKFLOW_NAME) { value count duration { mean } }
  slowest(first: 100) { sessionId } latestFailures(first: 100) { sessionId } steps { name count } } }"""
ERROR_GROUPS = """query Q($all: ExecutionFilter, $one: ExecutionFilter) {
  executionStatistics(filter: $all) { errorGroups(first: 100) { id type count sample { sessionId } } }
  executions(first: 100, filter: $one) { totalCount nodes { sessionId } } }"""
PAYLOADS = "{ executions(first: 100) { nodes { inputParameters } } }"
RELATIVES = """{ executions(first: 100, sort: [{ field: CREATED_AT, direction: ASC }]) { nodes {
  sessionId recoveredBy retryOf { sessionId } retries { sessionId } } } }"""
RECOVERIES = "{ executions(first: 100, sort: [{ field: CREATED_AT, direction: ASC }]) { nodes { recoveredBy } } }"
REPORT = """mutation R($input: ReportExecutionInput!) { reportExecution(input: $input) {
  changed execution { userId tenantId workflowName } } }"""
REPORTED = "query Q($id: String!) { execution(executionId: $id) { userId tenantId workflowName } }"
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { ... on Execution { sessionId } } }"
NODE = "query Q($id: ID!) { node(id: $id) { ... on Execution { sessionId } } }"
DETAIL = """query Q($id: String!) { execution(executionId: $id) { sessionId
  steps { nodes { stepId } } logs { nodes { message } } } }"""
CHILD_CURSORS = """query Q($id: String!) { execution(executionId: $id) {
  steps(first: 1) { edges { cursor node { id } } } logs(first: 1) { edges { cursor } } } }"""
CHILDREN_AFTER = """query Q($id: String!, $steps: String!, $logs: String!) { execution(executionId: $id) {
  steps(after: $steps) { nodes { stepId } } logs(after: $logs) { nodes { message } } } }"""
STEPS = "query Q($ids: [ID!]!) { nodes(ids: $ids) { ... on ExecutionStep { stepId } } }"
TRAIL = """query Q($after: String) {
  auditEvents(filter: { operationName: { eq: "Of the model" } }, after: $after) {
    edges { cursor node { subject } } } }"""
KEYS = "{ accessKeys(first: 100) { nodes { id name } } }"
KEY_NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { ... on AccessKey { name } } }"
MAKE_KEY = "mutation M($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { key accessKey { id } } }"
REVOKE_KEY = "mutation M($id: ID!) { revokeAccessKey(id: $id) { accessKey { name } } }"
VIEWER = "{ viewer { userId tenantId scopes } }"
ADMIN = Person("ada", "acme", ("admin",), None)
UNKNOWN = "no-such-execution"
_MADE = "made-by-report"
_OF_STATISTICS = tuple(f"statistics, {each}" for each in ("count", "groups", "slowest", "steps"))


class DifferenceFound(Exception):
    """A difference of the kind that a test looks for."""


@dataclass
class Comparison:
    """Counts checks, and keeps differences.

    With `raising_for` it raises `DifferenceFound` for one whose name begins so, and compares little else.
    """

    model: ReferenceModel
    client: Client
    people: list[Person]
    url: str
    raising_for: str | None = None
    checks: int = 0
    differences: list[str] = field(default_factory=list[str])
    key_ids: dict[Key, str] = field(default_factory=dict[Key, str])
    _settled: int = 0

    def expect(self, what: str, who: Person, actual: Any, expected: Any, facts: int = 1) -> None:
        self.checks += facts
        if actual != expected:
            self.differences.append(f"{what} for {who}: {actual} instead of {expected}")
            if self.raising_for is not None and what.startswith(self.raising_for):
                raise DifferenceFound(self.differences[-1])

    def looks_for(self, *differences: str) -> bool:
        """Whether one of these differences would be found: any, but in a test that looks for another one alone."""
        return self.raising_for is None or self.raising_for in differences

    async def make_keys(self, database: Database) -> None:
        """Make the access keys of the model, and add the callers who send them to the people."""
        for key in KEYS_OF_CALLERS:
            wanted = {"name": key.name, "userId": key.user, "scopes": [key.scope]}
            made = (await execute(self.url, ADMIN.token, MAKE_KEY, input=wanted)).data["createAccessKey"]
            self.key_ids[key] = made["accessKey"]["id"]
            roles, claimed = (("viewer",), None) if key.scope == READ else (("admin",), frozenset({key.scope}))
            self.people.append(Person(key.user, key.tenant, roles, claimed, made["key"]))
        for key in OTHER_KEYS:
            row = (await made_key(database, key.user, key.scope, tenant=key.tenant, maker=key.maker, name=key.name)).row
            self.key_ids[key] = encode_id("AccessKey", key.tenant, str(row["_id"]))

    async def compare_keys(self) -> None:
        """Compare the access keys that people see, find by id and may revoke, and whom the keys stand for."""
        for who in self.people:
            viewer = (await execute(self.url, who.token, VIEWER)).data["viewer"]
            expected = {"userId": who.user, "tenantId": who.tenant, "scopes": sorted(who.scopes)}
            self.expect("viewer over HTTP", who, viewer, expected, 3)
            seen = [key.name if who.sees_key(key) else None for key in self.key_ids]
            may = "keys:write" in who.scopes
            listed = await execute(self.url, who.token, KEYS)
            found = [each["name"] for each in as_data(listed.body).get("accessKeys", {}).get("nodes", ())]
            self.expect("list of keys", who, (sorted(found), listed.codes), (sorted(filter(None, seen)), refusal(may)))
            nodes = await execute(self.url, who.token, KEY_NODES, ids=list(self.key_ids.values()))
            by_id = (as_data(nodes.body).get("nodes"), nodes.codes)
            shown = [name and {"name": name} for name in seen] if may and who.reads else None
            self.expect("keys by id", who, by_id, (shown, refusal(may and who.reads)), len(self.key_ids))
            for key, key_id in self.key_ids.items():
                if not who.sees_key(key):
                    refused = (await execute(self.url, who.token, REVOKE_KEY, id=key_id)).codes
                    self.expect("revocation of a key", who, refused, ["NOT_FOUND"] if may else ["FORBIDDEN"])
        stored = await collection_of(AccessKey).find({"revoked_at": {"$ne": None}}).to_list()
        self.expect("revoked keys", self.people[0], stored, [])

    async def compare_revocation(self) -> None:
        """Revoke a key whose subscriptions run, and compare what it gets afterwards: nothing."""
        who, key = next(each for each in self.people if each.key and each.reads), KEYS_OF_CALLERS[0]
        async with (
            following(self.url, who, over_socket=True) as over_socket,
            following(self.url, who, over_socket=False) as over_http,
        ):
            await execute(self.url, ADMIN.token, REVOKE_KEY, id=self.key_ids[key])
            for receive in (over_socket, over_http):
                async with asyncio.timeout(30):
                    ended = await end_of(receive)
                self.expect("end of the events of a revoked key", who, ended, expected=True)
        answers = [
            (await execute(self.url, who.token, LISTED)).status,
            (await self.client.get(who, EXECUTIONS_PATH)).status_code,
        ]
        self.expect("responses to a revoked key", who, answers, [401, 401], 2)

    async def compare_responses(self) -> None:
        """Compare the responses to all requests with the present state of the model."""
        cursors: dict[Person, tuple[str | None, str]] = {}
        for who in self.people:
            for response in await self.client.execute(who, VIEWER):
                viewer = data_of(response)["viewer"]
                self.expect(
                    "viewer", who, viewer, {"userId": who.user, "tenantId": who.tenant, "scopes": sorted(who.scopes)}, 3
                )
            if who.reads:
                cursors[who] = await self._compare_lists(who)
            else:
                await self._compare_refusals(who)
            await self._compare_parts(who)
        if self.looks_for("children"):
            await self._compare_children()
        if self.looks_for("trail"):
            await self._compare_trails()
        if self.looks_for("cursor of", "live cursor of"):
            for who in cursors:
                for other, (cursor, live_cursor) in cursors.items():
                    await self._compare_cursors(who, other, cursor, live_cursor)

    async def _compare_parts(self, who: Person) -> None:
        """Compare what one person gets beside the list."""
        for compare, differences in (
            (self._compare_payloads, ("payloads",)),
            (self._compare_facets, ("facet of",)),
            (self._compare_statistics, _OF_STATISTICS),
            (self._compare_error_groups, ("error groups",)),
            (self._compare_relatives, ("relatives",)),
        ):
            if who.reads and self.looks_for(*differences):
                await compare(who)
        if self.looks_for("nodes"):
            await self._compare_details(who)
            await self._compare_nodes(who)
        if self.looks_for("REST's statistics"):
            await self._compare_rest(who)

    def _seen(self, who: Person, **matching: str) -> list[Row]:
        rows = [row for row in self.model.rows.values() if who.sees(row)]
        return [row for row in rows if all(row[name] == value for name, value in matching.items())]

    async def _compare_lists(self, who: Person) -> tuple[str | None, str]:
        user, status, key = (self.model.random.choice(each) for each in (USERS, ("failed", "running"), IDS))
        filters: list[tuple[dict[str, Any] | None, dict[str, str]]] = [
            (None, {}),
            ({"userId": {"eq": user}}, {"user_id": user}),
            ({"status": {"eq": status.upper()}}, {"status": status}),
            ({"executionId": {"eq": key}}, {"execution_id": key}),
            ({"not": {"userId": {"in": [each for each in USERS if each != user]}}}, {"user_id": user}),
        ]
        cursor: tuple[str | None, str] = (None, "")
        for where, matching in filters:
            seen = self._seen(who, **matching)
            for direction in ("ASC", "DESC"):
                sort = [{"field": "CREATED_AT", "direction": direction}]
                variables = {"where": where} if direction == "DESC" else {"where": where, "sort": sort}
                for response in await self.client.execute(who, LISTED, **variables):
                    found: Any = as_data(response).get("executions")
                    self.expect("list's errors", who, response["errors"], [])
                    if found is None:
                        continue
                    self.expect(f"count of {where}", who, found["totalCount"], len(seen))
                    session_ids = [edge["node"]["sessionId"] for edge in found["edges"]]
                    rows = sorted(seen, key=lambda row: row["created"], reverse=direction == "DESC")
                    expected = [row["session_id"] for row in rows]
                    self.expect(f"list of {where}", who, session_ids, expected, len(self.model.rows))
                    if where is None and direction == "DESC":
                        edges = found["edges"]
                        cursor = (edges[0]["cursor"] if edges else None, found["liveCursor"])
        return cursor

    async def _compare_payloads(self, who: Person) -> None:
        seen = self._seen(who)
        shown = "executions:payload" in who.scopes
        expected = sorted(row["session_id"][1:] if shown else "" for row in seen)
        for response in await self.client.execute(who, PAYLOADS):
            payloads = [node["inputParameters"] for node in data_of(response)["executions"]["nodes"]]
            actual = sorted(str(payload["secret"]) if payload else "" for payload in payloads)
            self.expect("payloads", who, actual, expected, len(self.model.rows))

    async def _compare_facets(self, who: Person) -> None:
        """Compare what each facet counts, also where the filter has a condition on its field."""
        fields = {"status": "status", "workflowName": "workflow_name", "userId": "user_id"}
        for user in (None, who.user, "nobody"):
            where = {} if user is None else {"userId": {"eq": user}}
            for response in await self.client.execute(who, FACETS, where=where):
                facets = data_of(response)["executions"]["facets"]
                for name, stored in fields.items():
                    rows = [row for row in self._seen(who) if name == "userId" or user in (None, row["user_id"])]
                    actual = {each["value"]: each["count"] for each in facets[name]}
                    expected = Counter(row[stored].upper() if name == "status" else row[stored] for row in rows)
                    self.expect(f"facet of {name}", who, actual, dict(expected), len(self.model.rows))

    async def _compare_statistics(self, who: Person) -> None:
        """Compare everything that statistics count and show, of all and of a filter."""
        for status in (None, "failed"):
            where = {"createdAt": {"gte": "2026-11-01T00:00:00Z"}} | ({"status": {"eq": "FAILED"}} if status else {})
            seen = [row for row in self._seen(who) if status in (None, row["status"])]
            ended = sorted((row for row in seen if row["status"] != "running"), key=lambda row: -row["total_duration"])
            failed = sorted((row for row in seen if row["status"] == "failed"), key=lambda row: row["created"])
            workflows = {
                row["workflow_name"]: [x for x in ended if x["workflow_name"] == row["workflow_name"]] for row in seen
            }
            expected = {
                "count": len(seen),
                "documents examined": len(seen),
                "by status": Counter(row["status"].upper() for row in seen),
                "durations": (len(ended), mean_of(ended)),
                "series": len(seen),
                "groups by user": Counter(row["user_id"] for row in seen),
                "groups by workflow": Counter(row["workflow_name"] for row in seen),
                "durations of groups": {name: mean_of(rows) for name, rows in workflows.items()},
                "slowest": [row["session_id"] for row in ended],
                "latest failures": [row["session_id"] for row in reversed(failed)],
                "steps": {f"Step {index}": len(seen) for index in range(CHILDREN)} if seen else {},
            }
            for response in await self.client.execute(who, STATISTICS, where=where):
                found = data_of(response)["executionStatistics"]
                actual = {
                    "count": found["count"],
                    "documents examined": found["documentsExamined"],
                    "by status": {each["status"]: each["count"] for each in found["byStatus"] if each["count"]},
                    "durations": (found["duration"]["count"], found["duration"]["mean"]),
                    "series": sum(each["count"] for each in found["series"]),
                    "groups by user": {each["value"]: each["count"] for each in found["users"]},
                    "groups by workflow": {each["value"]: each["count"] for each in found["workflows"]},
                    "durations of groups": {each["value"]: each["duration"]["mean"] for each in found["workflows"]},
                    "slowest": [each["sessionId"] for each in found["slowest"]],
                    "latest failures": [each["sessionId"] for each in found["latestFailures"]],
                    "steps": {each["name"]: each["count"] for each in found["steps"]},
                }
                for name, value in expected.items():
                    self.expect(f"statistics, {name}", who, actual[name], value, len(self.model.rows))

    async def _compare_error_groups(self, who: Person) -> None:
        """Compare what each group of errors counts and shows, and what the id finds that someone else was given."""
        everything = {"createdAt": {"gte": "2026-10-01T00:00:00Z"}}
        of_one = ErrorGroup.of({"error_details": {"message": "write 1 failed", "type": "etl"}})
        assert of_one is not None
        one = {"errorGroup": {"eq": of_one.id}}
        for response in await self.client.execute(who, ERROR_GROUPS, all=everything, one=one):
            data, seen = data_of(response), sorted(self._seen(who), key=lambda row: row["created"])
            groups = data["executionStatistics"]["errorGroups"]
            newest = {row["workflow_name"]: row["session_id"] for row in seen}
            actual = {each["type"]: (each["count"], each["sample"] and each["sample"]["sessionId"]) for each in groups}
            counts = Counter(row["workflow_name"] for row in seen)
            expected = {name: (count, newest[name]) for name, count in counts.items()}
            self.expect("error groups", who, actual, expected, len(self.model.rows))
            found = data["executions"]
            wanted = sorted(row["session_id"] for row in seen if row["workflow_name"] == "etl")
            self.expect("error group, count", who, found["totalCount"], len(wanted))
            listed = sorted(each["sessionId"] for each in found["nodes"])
            self.expect("error group, list", who, listed, wanted, len(self.model.rows))

    async def _compare_relatives(self, who: Person) -> None:
        seen = sorted(self._seen(who), key=lambda row: row["created"])
        by_id = {row["execution_id"]: row for row in seen}
        (response,) = await self.client.execute(who, RELATIVES)
        for row, shown in zip(seen, data_of(response)["executions"]["nodes"], strict=True):
            repeated = by_id.get(row["retry_of_execution_id"])
            expected = {
                "sessionId": row["session_id"],
                "retryOf": repeated and {"sessionId": repeated["session_id"]},
                "retries": [{"sessionId": each["session_id"]} for each in retries_of(row, seen)],
            }
            recovery = shown.pop("recoveredBy")
            self.expect("relatives", who, shown, expected, len(seen))
            self.expect("relatives, recovered", who, recovery in recoveries_of(row, seen), expected=True)
        for response in await self.client.execute(who, RECOVERIES):
            found = [node["recoveredBy"] for node in data_of(response)["executions"]["nodes"]]
            expected = [recoveries_of(row, seen) for row in seen]
            actual = [each in allowed for each, allowed in zip(found, expected, strict=True)]
            self.expect("relatives, recoveries", who, actual, [True] * len(seen), len(seen))

    async def _compare_refusals(self, who: Person) -> None:
        for text, variables in ((LISTED, {}), (PAYLOADS, {}), (STATISTICS, {})):
            for response in await self.client.execute(who, text, **variables):
                codes = [error["extensions"]["code"] for error in response["errors"]]
                self.expect("refusal", who, (response["data"], codes), (None, ["FORBIDDEN"]))

    async def _compare_details(self, who: Person) -> None:
        for execution_id in (*IDS, UNKNOWN):
            row = self.model.rows.get((who.tenant, execution_id))
            for response in await self.client.execute(who, DETAIL, id=execution_id):
                found: Any = as_data(response).get("execution")
                actual: Any = found and (found["sessionId"], len(found["steps"]["nodes"]), len(found["logs"]["nodes"]))
                seen = (row["session_id"], CHILDREN, CHILDREN) if row is not None and who.sees(row) else None
                self.expect(execution_id, who, actual, seen, 3)
                codes = [error["extensions"]["code"] for error in response["errors"]]
                self.expect(f"errors of {execution_id}", who, codes, [] if who.reads else ["FORBIDDEN"])

    async def _compare_nodes(self, who: Person) -> None:
        keys = [(tenant, execution_id) for tenant in TENANTS for execution_id in (*IDS, UNKNOWN)]
        rows = [self.model.rows.get(key) for key in keys]
        expected = [{"sessionId": row["session_id"]} if row is not None and who.sees(row) else None for row in rows]
        ids = [encode_id("Execution", *key) for key in keys]
        for response in await self.client.execute(who, NODES, ids=ids):
            actual: Any = as_data(response).get("nodes")
            self.expect("nodes", who, actual, expected if who.reads else None, len(keys))
        for place in self.model.random.sample(range(len(keys)), 6):
            for response in await self.client.execute(who, NODE, id=ids[place]):
                self.expect(f"node {keys[place]}", who, as_data(response).get("node"), expected[place])

    async def _compare_rest(self, who: Person) -> None:
        listed = await self.client.get(who, EXECUTIONS_PATH, page_size=100)
        self.expect("status of REST's list", who, listed.status_code, 200 if who.reads else 403)
        if listed.is_success:
            seen = self._seen(who)
            actual = sorted((each["execution_id"], each["user_id"]) for each in listed.json()["executions"])
            expected = sorted((row["execution_id"], row["user_id"]) for row in seen)
            self.expect("REST's list", who, actual, expected, len(self.model.rows))
            self.expect("REST's count", who, listed.json()["total"], len(seen))
        exported = await self.client.get(who, EXPORT_PATH, format="jsonl")
        self.expect("status of REST's export", who, exported.status_code, 200 if who.reads else 403)
        if exported.is_success:
            lines = [json.loads(line) for line in exported.text.splitlines()]
            rows = sorted(self._seen(who), key=lambda row: row["created"], reverse=True)
            actual = [(line["execution_id"], line["user_id"], line["session_id"]) for line in lines]
            expected = [(row["execution_id"], row["user_id"], row["session_id"]) for row in rows]
            self.expect("REST's export", who, actual, expected, len(self.model.rows))
        added = await self.client.get(who, STATISTICS_PATH, start_date="2026-01-01", interval="1M", group_by="user_id")
        self.expect("status of REST's statistics", who, added.status_code, 200 if who.reads else 403)
        if added.is_success:
            found, seen = added.json(), self._seen(who)
            by_status = {status: count for status, count in found["by_status"].items() if count}
            self.expect("REST's statistics", who, by_status, Counter(row["status"] for row in seen), len(seen))
            groups = {each["value"]: each["count"] for each in found["groups"]}
            self.expect("REST's statistics by owner", who, groups, Counter(row["user_id"] for row in seen), len(seen))
            series = sum(each["count"] for each in found["series"])
            self.expect("REST's statistics by time", who, series, len(seen))
        unknown = await self.client.get(who, f"{EXECUTIONS_PATH}/{UNKNOWN}")
        self.expect("status of REST's unknown", who, unknown.status_code, 404 if who.reads else 403)
        for execution_id in self.model.random.sample(IDS, 8):
            row = self.model.rows.get((who.tenant, execution_id))
            response = await self.client.get(who, f"{EXECUTIONS_PATH}/{execution_id}")
            if row is not None and who.sees(row):
                found = response.json()
                actual = found.get("execution_id"), found.get("user_id"), len(found.get("steps", ()))
                self.expect(f"REST's {execution_id}", who, actual, (execution_id, row["user_id"], CHILDREN), 3)
            else:
                actual = response.status_code, without_request(response.json())
                self.expect(
                    f"REST's refusal of {execution_id}",
                    who,
                    actual,
                    (unknown.status_code, without_request(unknown.json())),
                    2,
                )

    async def _compare_cursors(self, who: Person, other: Person, cursor: str | None, live_cursor: str) -> None:
        expected = [] if who.visibility == other.visibility else ["INVALID_CURSOR"]
        for response in await self.client.execute(who, LISTED, after=cursor) if cursor else ():
            codes = [error["extensions"]["code"] for error in response["errors"]]
            self.expect(f"cursor of {other}", who, codes, expected)
            secrets = [name for name in (*TENANTS, *USERS, "w", "ml") if f"'{name}" in str(response["errors"])]
            self.expect(f"message about the cursor of {other}", who, secrets, [])
        try:
            (await self.client.live.subscribe(who.caller, after=live_cursor)).close()
            actual = list[str]()
        except ExecutionMonitorError as error:
            actual = [error.code]
        self.expect(f"live cursor of {other}", who, actual, expected)

    async def compare_reports(self) -> None:
        """Compare what reports of everyone do: of what is stored, nothing, and of an id of their own, theirs alone."""
        before = await collection_of(Execution).find({}).sort("_id").to_list()
        for who in self.people:
            for row in self.model.random.sample(
                own := [r for r in before if r["tenant_id"] == who.tenant], min(3, len(own))
            ):
                (response,) = await self.client.execute(who, REPORT, input=self._report(row["execution_id"], "stolen"))
                codes = [error["extensions"]["code"] for error in response["errors"]]
                self.expect(f"report of {row['execution_id']}", who, (response["data"], codes), (None, ["FORBIDDEN"]))
        after = await collection_of(Execution).find({}).sort("_id").to_list()
        self.expect("report of what is stored", self.people[0], after == before, expected=True)
        admin = Person(USERS[0], TENANTS[0], ("admin",), None)
        for writer in {admin: None, **{each: None for each in self.people if "executions:write" in each.scopes}}:
            await self._compare_report_of(writer)
        await collection_of(Execution).delete_many({"execution_id": _MADE})

    async def _compare_report_of(self, writer: Person) -> None:
        made = {"user_id": writer.user, "tenant_id": writer.tenant, "workflow_name": "ml-train", "status": "running"}
        shown = {"userId": writer.user, "tenantId": writer.tenant, "workflowName": "ml-train"}
        await collection_of(Execution).delete_many({"execution_id": _MADE})
        (response,) = await self.client.execute(writer, REPORT, input=self._report(_MADE, "ml-train"))
        expected = {"changed": True, "execution": shown if writer.sees(made) else None}
        self.expect("report of one's own", writer, as_data(response).get("reportExecution"), expected, 3)
        thief = Person(next(each for each in USERS if each != writer.user), writer.tenant, ("admin",), None)
        (stolen,) = await self.client.execute(thief, REPORT, input=self._report(_MADE, "stolen"))
        codes = [error["extensions"]["code"] for error in stolen["errors"]]
        self.expect("report of another's", thief, codes, ["FORBIDDEN"])
        for who in self.people:
            for read in await self.client.execute(who, REPORTED, id=_MADE):
                found: Any = as_data(read).get("execution")
                self.expect("report of another, read", who, found, shown if who.sees(made) else None)

    def _report(self, execution_id: str, name: str) -> dict[str, Any]:
        return {"executionId": execution_id, "reportedAt": "2026-01-01T00:00:00Z", "workflowName": name}

    async def _compare_children(self) -> None:
        """Compare steps by their global ids, and children after cursors that another caller may have received."""
        received_by_owner: dict[tuple[str, str], Any] = {}
        for who in self.people:
            for row in self.model.random.sample(seen := self._seen(who), min(3, len(seen))):
                (response, *_) = await self.client.execute(who, CHILD_CURSORS, id=row["execution_id"])
                received_by_owner[who.tenant, row["execution_id"]] = data_of(response)["execution"]
        rows = [self.model.rows[key] for key in received_by_owner]
        ids = [found["steps"]["edges"][0]["node"]["id"] for found in received_by_owner.values()]
        for who in self.people:
            expected = [{"stepId": "s0"} if who.sees(row) else None for row in rows]
            for response in await self.client.execute(who, STEPS, ids=ids):
                self.expect("steps", who, as_data(response).get("nodes"), expected if who.reads else None, len(ids))
            for (tenant, execution_id), found in self.model.random.sample(list(received_by_owner.items()), 4):
                after = {name: found[name]["edges"][0]["cursor"] for name in ("steps", "logs")}
                row = self.model.rows.get((who.tenant, execution_id))
                for response in await self.client.execute(who, CHILDREN_AFTER, id=execution_id, **after):
                    if response["errors"] and tenant != who.tenant and who.sees(row):
                        actual = [error["extensions"]["code"] for error in response["errors"]]
                        self.expect(f"cursor of children of {tenant}", who, set(actual), {"INVALID_CURSOR"}, 2)
                        continue
                    shown: Any = as_data(response).get("execution")
                    actual = shown and [len(shown[name]["nodes"]) for name in ("steps", "logs")]
                    after_first = [CHILDREN - 1, CHILDREN - 1] if who.sees(row) else None
                    self.expect(f"children of {execution_id}", who, actual, after_first, 2)

    async def _compare_trails(self) -> None:
        """Compare the audit trail of each tenant, and its cursors."""
        cursors: dict[str, str] = {}
        for who in self.people:
            for response in await self.client.execute(who, TRAIL):
                found: Any = as_data(response).get("auditEvents")
                if "audit:read" not in who.scopes:
                    codes = [error["extensions"]["code"] for error in response["errors"]]
                    self.expect("refusal of the trail", who, (found, codes), (None, ["FORBIDDEN"]), len(TRAILS))
                    continue
                actual = sorted(edge["node"]["subject"] for edge in found["edges"])
                expected = sorted(subject for tenant, subject in TRAILS if tenant == who.tenant)
                self.expect("trail", who, actual, expected, len(TRAILS))
                cursors[who.tenant] = found["edges"][0]["cursor"]
        for who in self.people:
            for tenant, cursor in cursors.items() if "audit:read" in who.scopes else ():
                for response in await self.client.execute(who, TRAIL, after=cursor):
                    codes = [error["extensions"]["code"] for error in response["errors"]]
                    valid = tenant == who.tenant
                    self.expect(f"cursor of the trail of {tenant}", who, codes, [] if valid else ["INVALID_CURSOR"])

    async def compare_transports(self, count: int) -> None:
        """Follow by WebSockets and event streams, change `count` executions, and compare the events."""
        async with contextlib.AsyncExitStack() as stack:
            followed = [
                (who, place, await stack.enter_async_context(following(self.url, who, over_socket=place % 2 == 0)))
                for place, who in enumerate(each for each in self.people if each.reads)
            ]
            changes = await self.model.change(count)
            ends = [
                execution(
                    place,
                    tenant_id=who.tenant,
                    user_id=who.user,
                    execution_id=f"end-{place}",
                    # Everyone sees their own of these, whatever the filter of their role.
                    workflow_name="ml-end",
                    status="failed",
                )
                for who, place, _ in followed
            ]
            await store(*ends)
            for who, place, receive in followed:
                async with asyncio.timeout(30):
                    actual = await receive_until(receive, f"end-{place}")
                expected = [event for before, after in changes if (event := expected_event(who, None, before, after))]
                self.expect("events over a transport", who, actual, expected, len(changes))
        await collection_of(Execution).delete_many({"execution_id": {"$in": [each["execution_id"] for each in ends]}})

    async def compare_events(self, count: int) -> None:
        """Follow all executions in this process, change `count` of them, and compare the events."""
        live, readers = self.client.live, [who for who in self.people if who.reads]
        await self._settle()
        wheres: list[tuple[str | None, Filter]] = [(None, EVERYTHING), ("running", equals("status", "running"))]
        followed = [
            (who, status, await live.subscribe(who.caller, where)) for who in readers for status, where in wheres
        ]
        activities: list[tuple[Person, str, Any]] = []
        for who in readers:
            for execution_id in self.model.random.sample(IDS, 4):
                row = self.model.rows.get((who.tenant, execution_id))
                try:
                    activity = await live.subscribe_activity(who.caller, execution_id)
                    activities.append((who, execution_id, activity))
                    begun = True
                except ExecutionMonitorError as error:
                    begun = error.code != "NOT_FOUND"
                self.expect(f"beginning of {execution_id}", who, begun, who.sees(row))

        rows = list(self.model.rows.values())
        async with following_statistics(self.client.statistics, readers) as counting:
            changes = await self.model.change(count)
            await self._settle()
            for each in counting:
                history = counted_by(each.who, rows, changes)
                await each.wait_for_last(history)
                allowed = [answer in history for answer in each.answers]
                self.expect("statistics of", each.who, allowed, [True] * len(allowed), len(changes))
                self.expect("statistics of, in the end", each.who, each.answers[-1], history[-1], len(self.model.rows))
        for who, status, subscription in followed:
            actual = [event_of_delivery(subscription.take()) for _ in range(len(subscription))]
            subscription.close()
            expected = [event for before, after in changes if (event := expected_event(who, status, before, after))]
            self.expect(f"events of {status}", who, actual, expected, len(changes))
        for who, execution_id, activity in activities:
            actual = [each for each in await drained(activity) if each[0] not in ("step", "log")][1:]
            activity.close()
            own = [
                event
                for before, after in changes
                if (before or after or {})["execution_id"] == execution_id
                and (event := expected_event(who, None, before, after))
            ]
            gone = next((place for place, event in enumerate(own) if event[0] in ("left", "deleted")), len(own))
            self.expect(f"activity of {execution_id}", who, actual, own[: gone + 1], len(changes))

    async def _settle(self) -> None:
        """Return when the events of all writes have been received."""
        self._settled += 1
        last = await self.client.live.subscribe(Person("nobody", "nowhere", ("viewer",), None).caller)
        await store(execution(0, tenant_id="nowhere", user_id="nobody", execution_id=f"last-{self._settled}"))
        async with asyncio.timeout(30):
            while (await anext(last)).execution_id != f"last-{self._settled}":
                pass
        last.close()


def refusal(may: bool) -> list[str]:  # noqa: FBT001 - a fact
    """The codes of a response to a request that a caller may make, or may not."""
    return [] if may else ["FORBIDDEN"]


async def end_of(receive: Receive) -> bool:
    """Return when nothing more can be received, or an error in place of an event."""
    with contextlib.suppress(ConnectionClosed, StopAsyncIteration, KeyError):
        while True:
            await receive()
    return True


def mean_of(rows: Sequence[Row]) -> float | None:
    """The mean duration of executions."""
    return sum(row["total_duration"] for row in rows) / len(rows) if rows else None


def data_of(response: Any) -> Any:
    """The data of a response that must have some."""
    assert response["data"] is not None, response["errors"]
    return response["data"]


def as_data(response: Any) -> dict[str, Any]:
    """The data of the response; an empty object where they are null."""
    return response["data"] or {}


def expected_event(
    who: Person, status: str | None, before: Row | None, after: Row | None
) -> tuple[str, Any, Any] | None:
    """The event that `who` must receive of a change: kind, execution's id, and the mark of what is shown; or None."""
    had, has = (who.sees(row) and status in (None, (row or {})["status"]) for row in (before, after))
    if not had and not has:
        return None
    kind = "updated" if had and has else "entered" if has else "deleted" if after is None else "left"
    return kind, (before or after or {})["execution_id"], (after or {})["session_id"] if who.sees(after) else None


def event_of_delivery(delivery: Any) -> tuple[str, Any, Any]:
    shown: Any = event_of(delivery)
    row = delivery.row
    return delivery.kind.value, getattr(shown, "delivery", delivery).execution_id, row and row.get("session_id")


async def drained(activity: Any) -> list[tuple[str, Any, Any]]:
    """All events that are waiting. They come without another wait."""
    found: list[tuple[str, Any, Any]] = []
    while True:
        reading = asyncio.ensure_future(anext(activity, None))
        for _ in range(5):
            await asyncio.sleep(0)
        if not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            return found
        if (delivery := reading.result()) is None:
            return found
        found.append(event_of_delivery(delivery))


def without_request(problem: dict[str, Any]) -> dict[str, Any]:
    """A response of REST without the members that identify the request."""
    return {name: value for name, value in problem.items() if name not in ("instance", "request_id", "requestId")}

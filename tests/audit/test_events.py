"""Audit events as rows: what is kept of each kind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson import ObjectId

from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.events import (
    AuditRow,
    describe_begin,
    describe_end,
    describe_loss,
    describe_refusal,
    describe_revocation,
)
from execution_monitor.auth.caller import Caller
from execution_monitor.storage.server_documents import AuditEvent

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
ORIGIN = Origin("192.0.2.1", "tests/1", "r-1")
CALLER = Caller("ada", "acme", token_id="t-1")  # noqa: S106 - an id
ARGUMENTS = {"executions": {"filter": {"workflowName": {"contains": "secret"}}, "first": 5}}
OPERATION = Operation(CALLER, ORIGIN, OperationKind.QUERY, "Failed", arguments=lambda: ARGUMENTS)


def of_kind(kind: OperationKind) -> Operation:
    return Operation(CALLER, ORIGIN, kind, "Failed", arguments=lambda: ARGUMENTS)


def test_an_operation_is_kept_with_its_caller_time_arguments_and_outcome():
    outcome = Outcome(seconds=0.25)
    for each in ("run-1", "run-2", "run-1"):
        outcome.answer_with(each)

    row = describe_end(OPERATION, outcome, NOON)

    assert isinstance(row.pop("_id"), ObjectId)
    assert row == {
        "kind": "query",
        "at": NOON,
        "outcome": "succeeded",
        "codes": [],
        "arguments": {"executions": {"filter": {"workflowName": {"contains": "[left out]"}}, "first": 5}},
        "tenant_id": "acme",
        "subject": "ada",
        "token_id": "t-1",
        "operation_name": "Failed",
        "address": "192.0.2.1",
        "user_agent": "tests/1",
        "request_id": "r-1",
        "executions": 3,
        "execution_ids": ["run-1", "run-2"],
        "seconds": 0.25,
    }


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        pytest.param([], "succeeded", id="none"),
        pytest.param(["FORBIDDEN"], "denied", id="a scope that is missing"),
        pytest.param(["BAD_USER_INPUT", "FORBIDDEN", "FORBIDDEN"], "denied", id="a denial among others"),
        pytest.param(["RATE_LIMITED"], "denied", id="too few points"),
        pytest.param(["AUDIT_UNAVAILABLE"], "denied", id="a response that could not be recorded"),
        pytest.param(["QUERY_TIMEOUT"], "failed", id="a failure"),
    ],
)
def test_the_outcome_follows_from_the_codes(codes: list[str], outcome: str):
    row = describe_end(OPERATION, Outcome(codes=codes), NOON)

    assert (row["outcome"], row["codes"]) == (outcome, list(dict.fromkeys(codes)))


@pytest.mark.parametrize(("kind", "kept"), [(OperationKind.MUTATION, "mutation"), (OperationKind.REST, "rest")])
def test_the_kind_is_the_operations(kind: OperationKind, kept: str):
    assert describe_end(of_kind(kind), Outcome(), NOON)["kind"] == kept


def test_a_subscription_is_kept_when_it_begins_and_when_it_ends():
    begun_by = ObjectId()

    begin = describe_begin(of_kind(OperationKind.SUBSCRIPTION), NOON, begun_by)
    end = describe_end(of_kind(OperationKind.SUBSCRIPTION), Outcome(executions=7), NOON, begun_by)

    assert (begin["_id"], begin["kind"], begin["subject"]) == (begun_by, "subscription_begun", "ada")
    assert (end["begun_by"], end["kind"], end["executions"]) == (begun_by, "subscription_ended", 7)


def test_without_a_token_neither_subject_nor_tenant_is_kept():
    anonymous = Operation(Caller("", ""), ORIGIN, OperationKind.QUERY, None)

    row = describe_end(anonymous, Outcome(), NOON)

    assert not row.keys() & {"subject", "tenant_id", "token_id", "operation_name"}


def test_a_refused_token_is_kept_by_its_reason_and_origin_alone():
    row = describe_refusal(ORIGIN, "Your token has expired; get a new one.", NOON)

    assert isinstance(row.pop("_id"), ObjectId)
    assert row == {
        "at": NOON,
        "kind": "token_refused",
        "outcome": "denied",
        "codes": ["UNAUTHENTICATED"],
        "reason": "Your token has expired; get a new one.",
        "address": "192.0.2.1",
        "user_agent": "tests/1",
        "request_id": "r-1",
    }


def test_a_revocation_is_kept_with_the_user_whose_tokens_are_revoked():
    row = describe_revocation(by="root", tenant="acme", user="eve")

    assert (row["kind"], row["subject"], row["tenant_id"]) == ("revocation", "root", "acme")
    assert row["arguments"] == {"revoke": {"user": "eve"}}


def test_a_loss_is_kept_with_its_count_and_duration():
    row = describe_loss("acme", 37, NOON - timedelta(seconds=90), NOON)

    assert (row["kind"], row["tenant_id"], row["lost"], row["seconds"]) == ("lost", "acme", 37, 90.0)


LONG = "x" * 100_000


def outcome_with(execution_ids: list[str]) -> Outcome:
    outcome = Outcome()
    outcome.answer_with(*execution_ids)
    return outcome


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            describe_end(
                Operation(
                    Caller("ada", "acme", token_id=LONG),
                    Origin(LONG, LONG, LONG),
                    OperationKind.QUERY,
                    LONG,
                    arguments=lambda: {f"a{number}": {"ids": [LONG] * 100} for number in range(1_000)},
                ),
                outcome_with([f"{number}{LONG}" for number in range(1_000)]),
                NOON,
            ),
            id="an operation",
        ),
        pytest.param(describe_refusal(Origin(LONG, LONG, LONG), LONG, NOON), id="a refusal"),
        pytest.param(describe_revocation(by=LONG, user=LONG, token_id=LONG), id="a revocation"),
    ],
)
def test_an_event_is_bounded_whatever_a_client_sends(row: AuditRow):
    assert len(bson.encode(row)) < 70_000


ROWS: dict[str, AuditRow] = {
    "an operation": describe_end(OPERATION, Outcome(), NOON, ObjectId()),
    "a begin": describe_begin(of_kind(OperationKind.SUBSCRIPTION), NOON, ObjectId()),
    "a refusal": describe_refusal(ORIGIN, "No token.", NOON),
    "a revocation": describe_revocation(by="root", token_id="t-1"),  # noqa: S106 - an id
    "a loss": describe_loss(None, 1, NOON, NOON),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_an_event_has_the_fields_that_its_document_declares(row: Any):
    fields = {name: value for name, value in row.items() if name != "_id"}

    assert AuditEvent.model_fields.keys() >= fields.keys()
    for name, value in fields.items():
        AuditEvent.__pydantic_validator__.validate_assignment(AuditEvent.model_construct(), name, value)

"""The table of filter fields: its names are unique, its paths are stored, and its indexes exist."""

import pytest
from beanie import Document

from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filter_fields import FILTER_FIELDS, FilterField, FilterKind, indexed_filters
from execution_monitor.storage.indexes import usable_indexes
from execution_monitor.storage.server_documents import AuditEvent

ENTRIES = [
    pytest.param(document, each, id=f"{document.__name__}.{each.name}")
    for document, fields in FILTER_FIELDS.items()
    for each in fields
]


@pytest.mark.parametrize("document", FILTER_FIELDS, ids=lambda document: document.__name__)
def test_each_name_and_each_path_is_in_the_table_once(document: type[Document]):
    # Two names of one path, with bounds of 32 and of 53 bits.
    fields = [each for each in FILTER_FIELDS[document] if each.name != "tokensUsed"]

    assert len({each.name for each in fields}) == len({each.stored for each in fields}) == len(fields)


@pytest.mark.parametrize(("document", "entry"), ENTRIES)
def test_each_path_is_a_field_of_the_document(document: type[Document], entry: FilterField):
    assert entry.stored.partition(".")[0] in document.model_fields


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("document", "entry"), [each for each in ENTRIES if each.values[1].indexed])  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - of objects
def test_an_index_has_the_rows_of_each_value_of_an_indexed_field_in_the_default_order(
    document: type[Document], entry: FilterField
):
    time = next(iter(indexed_filters(document)))
    order = (time, "_id") if entry.kind is FilterKind.TIME else (entry.stored, time, "_id")

    assert ["tenant_id", *order] in [list(index.key) for index in usable_indexes(document)]


def test_the_time_is_the_first_of_the_indexed_filters():
    assert indexed_filters(Execution) == {
        "created": "createdAt",
        "status": "status",
        "workflow_name": "workflowName",
        "workflow_template_id": "workflowTemplateId",
        "triggered_by": "triggeredBy",
        "session_id": "sessionId",
        "parent_execution_id": "parentExecutionId",
        "error_details.code": "errorCode",
    }
    assert next(iter(indexed_filters(Execution))) == "created"
    assert indexed_filters(AuditEvent) == {"at": "at", "subject": "subject", "execution_ids": "executionId"}
    assert next(iter(indexed_filters(AuditEvent))) == "at"


@pytest.mark.parametrize(("document", "entry"), ENTRIES)
def test_the_audit_trail_keeps_no_free_text(document: type[Document], entry: FilterField):
    assert document in FILTER_FIELDS
    assert "contains" not in entry.audited
    assert entry.name != "errorMessage" or entry.audited == {"isNull"}

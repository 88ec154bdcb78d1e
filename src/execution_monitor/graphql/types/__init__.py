"""The object types of the schema, one a module, with their connections and the functions that resolve them.

The metadata of a field name the stored fields that it reads (`READS`), so that a projection follows from a selection:

    class AuditEvent:
        record: strawberry.Private[AuditRecord]
        execution_count: int = stored("executions", description="How many executions the response contained.")

    fields_to_read(AuditEvent, selected_by(info, "nodes"))  # frozenset({"executions"})
"""

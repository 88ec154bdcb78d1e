"""Trusted documents: the only operations that a server runs, by the ids that its clients were built with."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from graphql import GraphQLError

from execution_monitor.errors import BadUserInput, SetupError
from execution_monitor.graphql.errors import ClientSafeSchema
from execution_monitor.graphql.validation.request import GraphQLRequest


class TrustedDocuments:
    """Documents by id. Whoever sends no id must send one of them word for word."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._documents = documents
        self._texts = frozenset(documents.values())

    def resolve(self, asked: GraphQLRequest) -> GraphQLRequest:
        """`asked` with the document that its id names; raises `BadUserInput` for what is not among them."""
        if asked.document_id is None:
            if asked.query not in self._texts:
                raise BadUserInput("This server runs trusted documents alone; send the documentId of one.")
            return asked
        document = self._documents.get(asked.document_id)
        if document is None:
            raise BadUserInput("There is no trusted document with this documentId.")
        return replace(asked, query=document, document_id=None)


class AnyDocument:
    """Whatever clients send."""

    def resolve(self, asked: GraphQLRequest) -> GraphQLRequest:
        """`asked`; raises `BadUserInput` for one that names a document instead of sending it."""
        if asked.document_id is not None:
            raise BadUserInput("This server has no trusted documents; send the operation as text in query.")
        return asked


def read_trusted_documents(path: Path, schema: ClientSafeSchema) -> TrustedDocuments:
    """The documents in the file at `path`, a JSON object from id to document, such as clients' build tools write.

    Raises `SetupError` for a file that cannot be read, and for documents that `schema` would refuse.
    """
    try:
        stated: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {path} is not JSON: {error}.") from error
    if not isinstance(stated, dict) or not all(
        isinstance(each, str) for each in cast("dict[str, Any]", stated).values()
    ):
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {path} must hold an object from id to document.")
    documents = cast("dict[str, str]", stated)
    for name, text in documents.items():
        _check(path, name, text, schema)
    return TrustedDocuments(documents)


def _check(path: Path, name: str, text: str, schema: ClientSafeSchema) -> None:
    try:
        errors = schema.documents.read(text, schema).errors
    except GraphQLError as error:
        errors = (error,)
    if errors:
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {name} in {path} is refused: {errors[0].message}")

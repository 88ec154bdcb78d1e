"""Trusted documents (persisted queries): the only documents that a server runs, by the ids that clients send."""

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
    """Allows the documents of a file, requested by id, or by exactly their text."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._documents = documents
        self._texts = frozenset(documents.values())

    def resolve(self, request: GraphQLRequest) -> GraphQLRequest:
        """`request` with the text of the document that its id names.

        Raises:
            BadUserInput: neither its id nor its text is that of a trusted document.
        """
        if request.document_id is None:
            if request.query not in self._texts:
                raise BadUserInput("This server runs trusted documents alone; send the documentId of one.")
            return request
        document = self._documents.get(request.document_id)
        if document is None:
            raise BadUserInput("There is no trusted document with this documentId.")
        return replace(request, query=document, document_id=None)


class AnyDocument:
    """Allows every document."""

    def resolve(self, request: GraphQLRequest) -> GraphQLRequest:
        """`request` as it is.

        Raises:
            BadUserInput: it has the id of a document instead of its text.
        """
        if request.document_id is not None:
            raise BadUserInput("This server has no trusted documents; send the operation as text in query.")
        return request


def read_trusted_documents(path: Path, schema: ClientSafeSchema) -> TrustedDocuments:
    """Read the trusted documents in the file at `path`: a JSON object from id to document, as build tools write it.

    Raises:
        SetupError: the file cannot be read, or a document is not valid against `schema`.
    """
    try:
        decoded: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {path} is not JSON: {error}.") from error
    if not isinstance(decoded, dict) or not all(
        isinstance(each, str) for each in cast("dict[str, Any]", decoded).values()
    ):
        raise SetupError(f"EXECUTION_MONITOR_TRUSTED_DOCUMENTS: {path} must hold an object from id to document.")
    documents = cast("dict[str, str]", decoded)
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

"""The collections that documents are written to, once Beanie is connected."""

from typing import cast

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.storage.database import Row


def collection_of(document: type[Document]) -> AsyncCollection[Row]:
    """The collection that keeps `document`s."""
    # Beanie leaves open what its collections hold.
    return cast("AsyncCollection[Row]", document.get_pymongo_collection())  # pyright: ignore[reportUnknownMemberType]

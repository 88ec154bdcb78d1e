"""The database of a test: emptied and whole, with a few commands instead of the sixty that look at everything.

Most tests take less time than these.
"""

from collections.abc import Callable
from typing import Any

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS
from execution_monitor.storage.server_documents import SERVER_DOCUMENTS
from tests.support.servers import find_prepared

Initialize = Callable[..., None]

_DOCUMENTS: list[Any] = [*DOCUMENTS, *SERVER_DOCUMENTS]
_NAMES: list[str] = [document.Settings.name for document in _DOCUMENTS]
# By the names of databases, as they were when they had been prepared.
_prepared = dict[str, Any]()


async def empty(database: Database) -> None:
    """Delete all documents of `database`, and prepare it unless it is as it was when it was prepared last."""
    name = database.handle.name
    if await _layout_of(database) != _prepared.get(name):
        await database.prepare()
        _prepared[name] = await _layout_of(database)
    await find_prepared(database)
    for each in await _names_with_documents(database):
        await database.handle[each].delete_many({})


async def _layout_of(database: Database) -> Any:
    """What `prepare` sees to: the collections with their options and indexes."""
    stages: list[dict[str, Any]] = [
        {"$listCatalog": {}},
        {"$match": {"db": database.handle.name, "name": {"$in": _NAMES}}},
    ]
    return {
        each["name"]: (each["md"]["options"], [index["spec"] for index in each["md"]["indexes"]])
        async for each in await database.client.admin.aggregate(stages)
    }


async def _names_with_documents(database: Database) -> list[str]:
    first, *others = ((name, [{"$limit": 1}, {"$project": {"_id": name}}]) for name in _NAMES)
    more = [{"$unionWith": {"coll": name, "pipeline": stages}} for name, stages in others]
    found = await database.handle[first[0]].aggregate([*first[1], *more])
    return [each["_id"] async for each in found]


def once_a_class(initialize: Initialize) -> Initialize:
    """A function that finds out the same of a class of documents, its last argument, each time; and now once."""
    known = set[type[Any]]()

    def initialize_once(*arguments: Any) -> None:
        if arguments[-1] not in known:
            known.add(arguments[-1])
            initialize(*arguments)

    return initialize_once

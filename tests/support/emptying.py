"""The database of a test: emptied and whole, with a few commands instead of the sixty that look at everything.

Most tests take less time than these.
"""

from typing import Any

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS
from execution_monitor.storage.server_documents import SERVER_DOCUMENTS
from tests.support.servers import find_prepared

_DOCUMENTS: list[Any] = [*DOCUMENTS, *SERVER_DOCUMENTS]
_NAMES: list[str] = [document.Settings.name for document in _DOCUMENTS]
# The fields of each collection that hold arrays.
_LISTS: dict[str, frozenset[str]] = {
    document.Settings.name: frozenset(
        name for name, field in document.model_fields.items() if "list[" in str(field.annotation).lower()
    )
    for document in _DOCUMENTS
}
# By the names of databases, as they were when they had been prepared.
_prepared = dict[str, Any]()


async def empty(database: Database) -> None:
    """Delete all documents of `database`, and prepare it unless it is as it was when it was prepared last."""
    name, catalog = database.handle.name, await _catalog_of(database)
    odd = [each for each, entry in catalog.items() if _multikey_in(entry) - _LISTS[each]]
    for each in odd:
        # A test stored an array in place of a text. What an index once had decides how it is read for ever.
        await database.handle.drop_collection(each)
    if odd or _layout_of(catalog) != _prepared.get(name):
        await database.prepare()
        if not database.warnings:
            _prepared[name] = _layout_of(await _catalog_of(database))
    else:
        await find_prepared(database)
    for each in await _names_with_documents(database):
        await database.handle[each].delete_many({})


async def _catalog_of(database: Database) -> dict[str, Any]:
    ours = {"db": database.handle.name, "name": {"$in": _NAMES}}
    stages: list[dict[str, Any]] = [{"$listCatalog": {}}, {"$match": ours}]
    return {each["name"]: each["md"] async for each in await database.client.admin.aggregate(stages)}


def _layout_of(catalog: dict[str, Any]) -> Any:
    """What `prepare` sees to: the collections with their options and indexes."""
    return {name: (entry["options"], [each["spec"] for each in entry["indexes"]]) for name, entry in catalog.items()}


def _multikey_in(entry: Any) -> frozenset[str]:
    """The fields in whose indexes there were arrays."""
    fields = (field for each in entry["indexes"] for field in each.get("multikeyPaths", {}).items())
    return frozenset(path.partition(".")[0] for path, components in fields if any(components))


async def _names_with_documents(database: Database) -> list[str]:
    first, *others = ((name, [{"$limit": 1}, {"$project": {"_id": name}}]) for name in _NAMES)
    more = [{"$unionWith": {"coll": name, "pipeline": stages}} for name, stages in others]
    found = await database.handle[first[0]].aggregate([*first[1], *more])
    return [each["_id"] async for each in found]

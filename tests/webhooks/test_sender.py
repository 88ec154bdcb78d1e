"""Webhooks deliver what changes, over real sockets."""

import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import equals
from tests.live.factories import execution
from tests.outbound.receiver import Authority, answering, receiving
from tests.webhooks.delivering import delivering, until, verified

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_a_change_arrives_signed_with_the_execution_as_rest_shows_it(database: Database, authority: Authority):
    async with (
        receiving(answering(OK), authority.server()) as receiver,
        delivering(database, receiver, authority) as process,
    ):
        _, secret = await process.hook(receiver, equals("status", "failed"))
        rows = database.collection(Execution)
        await rows.insert_one(execution("run-1", status="running"))
        await rows.update_one({"execution_id": "run-1"}, {"$set": {"status": "failed"}, "$inc": {"version": 1}})
        await rows.update_one({"execution_id": "run-1"}, {"$set": {"total_cost": 2.0}, "$inc": {"version": 1}})

        await until(lambda: len(receiver.requests) == 2)

        bodies = sorted((verified(each, secret) for each in receiver.requests), key=lambda body: body["type"])
    assert [body["type"] for body in bodies] == ["execution.entered", "execution.updated"]
    entered = bodies[0]["data"]
    assert entered["execution"]["status"] == "failed"
    assert (entered["execution_id"], entered["version"], entered["changed_fields"]) == (
        "run-1",
        2,
        ["status", "version"],
    )

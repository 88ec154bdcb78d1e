"""A receiver over TLS, and the authority that signs its certificate."""

from collections.abc import AsyncGenerator

import pytest

from execution_monitor.storage.database import Database
from tests.outbound.receiver import Authority, Receiver, answering, receiving
from tests.webhooks.delivering import OK, Delivering, delivering


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def receiver(authority: Authority) -> AsyncGenerator[Receiver]:
    """Accepts everything, until a test has it do something else."""
    async with receiving(answering(OK), authority.server()) as receiver:
        yield receiver


@pytest.fixture
async def process(database: Database, receiver: Receiver, authority: Authority) -> AsyncGenerator[Delivering]:
    """A process that enqueues and sends."""
    async with delivering(database, receiver, authority) as process:
        yield process

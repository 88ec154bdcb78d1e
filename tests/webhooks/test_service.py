"""Which processes deliver: those that serve, or those of `execution-monitor deliver` alone."""

from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from execution_monitor.app import create_app, create_delivery_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.webhook_documents import WebhookDelivery
from tests.live.factories import execution
from tests.outbound.receiver import answering, receiving
from tests.support.client import execute
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import token_of
from tests.webhooks.delivering import OK, until

CREATE = "mutation M($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }"


async def test_where_serve_does_not_deliver_another_process_does(database: Database, settings: Settings):
    async with receiving(answering(OK), None) as receiver:
        inside = {"environment": "development", "outbound_allow": (f"127.0.0.1:{receiver.port}",)}
        serving = settings.model_copy(update={**inside, "delivery": "off"})
        async with served(create_app(serving)) as url:
            await wait_until_ready(url)
            token = token_of("ada", "executions:read", "webhooks:write")
            made = await execute(url, token, CREATE, input={"name": "x", "url": receiver.url})
            assert made.codes == []
            await database.collection(Execution).insert_one(execution("before"))
            assert await database.collection(WebhookDelivery).count_documents({}) == 0

            # It delivers whatever `serve` may do.
            async with served(create_delivery_app(serving)) as delivering:
                await wait_until_ready(delivering)
                await until(lambda: len(receiver.requests) == 1)
                async with httpx2.AsyncClient(base_url=delivering) as client:
                    graphql = await client.post("/graphql", json={"query": "{ __typename }"})

    # What happened before it began was kept.
    assert b'"execution_id":"before"' in receiver.requests[0].body
    assert graphql.status_code == 404


@pytest.mark.parametrize("delivery", ["of", "yes", ""])
def test_a_misspelt_setting_is_refused(delivery: Any):
    with pytest.raises(ValueError, match="'on' or 'off'"):
        Settings(mongodb_uri=SecretStr("mongodb://localhost"), delivery=delivery)

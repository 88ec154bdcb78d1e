"""Which processes send messages of alerts: those that serve, or those of `execution-monitor deliver` alone."""

import contextlib
from datetime import UTC, datetime

from pydantic import SecretStr

from execution_monitor.alerts.channels import GivenChannel
from execution_monitor.app import create_app, create_delivery_app
from execution_monitor.encryption import Encryption
from execution_monitor.settings import Settings
from execution_monitor.storage.alert_documents import AlertNotification
from execution_monitor.storage.database import Database
from execution_monitor.storage.webhook_documents import DeliveryState
from tests.alerts.notifying import alertmanager, hosts_of, notifying
from tests.outbound.mail_receiver import receiving_mail
from tests.outbound.receiver import answering, receiving
from tests.support.servers import served, wait_until_ready
from tests.webhooks.delivering import OK


async def test_where_serve_does_not_deliver_another_process_sends_by_the_settings(
    database: Database, settings: Settings
):
    async with contextlib.AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving(answering(OK), None))
        mail = await stack.enter_async_context(receiving_mail())
        deciding = {
            "environment": "development",
            "delivery": "off",
            "outbound_allow": hosts_of(receiver),
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{mail.port}"),
            "smtp_tls": "off",
            "mail_from": "execution-monitor@example.com",
            "mail_domains": ("example.com",),
        }
        settings = settings.model_copy(update=deciding)
        process = await stack.enter_async_context(
            notifying(database, hosts_of(receiver), encryption=Encryption(settings.encryption_keys), sends=False)
        )
        rule = await process.rule(GivenChannel(email=["ada@example.com"]), alertmanager(receiver))
        alert = await process.alert(rule, state="resolved", resolved_at=datetime.now(UTC))
        async with served(create_app(settings)) as url:
            await wait_until_ready(url)
            await process.put(rule, alert, "resolved")
            waiting = await database.collection(AlertNotification).count_documents({"attempts": 0})

            # It sends whatever `serve` may do.
            async with served(create_delivery_app(settings)) as delivering:
                await wait_until_ready(delivering)
                await process.in_state(DeliveryState.DELIVERED, 2)

    assert waiting == 2
    ((_, message),) = mail.mails
    assert (message["From"], len(receiver.requests)) == ("Execution Monitor <execution-monitor@example.com>", 1)

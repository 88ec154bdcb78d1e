"""Metrics, as Prometheus reads them."""

from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.servers import served
from tests.web.documents import an_execution
from tests.web.test_live import socket_of

Token = Callable[..., str]


async def values_of(server: str, token: str) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=server) as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def operator(token_for: Token) -> str:
    return token_for("olga", "acme", "manage")


async def test_metrics_count_what_was_delivered(server: str, token_for: Token, operator: str, database: Database):
    before = await values_of(server, operator)

    async with socket_of(server, token_for("ada", "acme")) as socket:
        during = await values_of(server, operator)
        await database.collection(Execution).insert_one(an_execution("e1", status="running"))
        await socket.recv()
        after = await values_of(server, operator)

    name = "execution_monitor_live"
    assert during[f"{name}_subscribers"] == before[f"{name}_subscribers"] + 1
    assert after[f"{name}_events_total"] == before[f"{name}_events_total"] + 1
    assert after[f"{name}_delivered_total"] == before[f"{name}_delivered_total"] + 1
    assert after[f"{name}_ring_events"] >= 1
    assert after[f"{name}_ring_age_seconds"] > 0
    assert 0 <= after[f"{name}_lag_seconds"] < 60
    assert after[f"{name}_gaps_total|too_slow"] == 0


async def test_nothing_in_metrics_names_a_tenant_or_a_user(server: str, operator: str, database: Database):
    await database.collection(Execution).insert_one(an_execution("e1", user_id="ada-the-user", tenant_id="acme-inc"))

    shown = await values_of(server, operator)

    assert not any("ada-the-user" in name or "acme-inc" in name for name in shown)


@pytest.mark.parametrize(
    ("access", "scopes", "status"),
    [
        pytest.param("manage", None, 401, id="managed, without a token"),
        pytest.param("manage", (), 403, id="managed, without the scope"),
        pytest.param("manage", ("manage",), 200, id="managed, with the scope"),
        pytest.param("open", None, 200, id="open, without a token"),
        pytest.param("off", ("manage",), 404, id="off, with the scope"),
    ],
)
async def test_who_may_read_metrics_is_a_setting(  # noqa: PLR0913, PLR0917 - a row of the table
    settings: Settings, token_for: Token, database: Database, access: str, scopes: tuple[str, ...] | None, status: int
):
    app = create_app(settings.model_copy(update={"metrics": access}))
    headers = {} if scopes is None else {"Authorization": f"Bearer {token_for('ada', 'acme', *scopes)}"}

    async with served(app) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.get("/metrics", headers=headers)

    assert answer.status_code == status
    assert ("execution_monitor_live" in answer.text) is (status == 200)

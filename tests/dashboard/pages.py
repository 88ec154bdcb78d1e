"""Every page of the dashboard with something on it, for the tests that look at all of them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from playwright.async_api import Page, expect

from execution_monitor.auth.caller import Scope
from execution_monitor.development.synthetic.seed import SeedOptions, seed
from execution_monitor.rest.paths import LIST_PATH
from execution_monitor.settings import Settings
from execution_monitor.storage.alert_documents import Alert, AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.server_documents import AuditEvent
from tests.dashboard.alert_documents import alert, rule
from tests.support.client import execute

SCOPES = tuple(scope.value for scope in Scope)
# Where a webhook may send to that never sends.
_RECEIVER = "127.0.0.1:9"

_KEY = "mutation Key($name: String!) { createAccessKey(input: { name: $name }) { accessKey { id } } }"
_WEBHOOK = "mutation Webhook($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } } }"


Look = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Runs:
    """The ids of two executions of `ci-pipeline`."""

    failed: str
    completed: str


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """A page as it is looked at.

    Attributes:
        address: where `{failed}` and `{completed}` are executions.
        wait: waits until it has its content.
        open: opens what is folded, for a closer look.
        exceptions: rules of axe that it may break within the elements of a selector.
    """

    name: str
    address: str
    wait: Look
    open: Look | None = None
    exceptions: Mapping[str, str] = field(default_factory=dict[str, str])

    async def prepare(self, page: Page) -> None:
        """Wait for its content, and open what is folded."""
        await self.wait(page)
        if self.open is not None:
            await self.open(page)

    def address_of(self, runs: Runs) -> str:
        """The address with the ids of `runs`."""
        return self.address.format(failed=runs.failed, completed=runs.completed)


def with_webhooks(settings: Settings) -> Settings:
    """The settings of a server that can make the webhook of `fill`."""
    return settings.model_copy(update={"environment": "development", "outbound_allow": (_RECEIVER,)})


async def fill(database: Database, server: str, token: str, executions: int = 150) -> Runs:
    """Store what every page has something to show of; `token` is ada's, with all scopes."""
    begins = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
    options = SeedOptions(executions=executions, days=6, random_seed=7, incident=begins)
    await seed(options, on_progress=lambda _: None)
    await execute(server, token, _KEY, name="airflow of the data platform")
    made = await execute(server, token, _WEBHOOK, input={"name": "incidents", "url": f"http://{_RECEIVER}/runs"})
    assert "errors" not in made.body
    async with asyncio.timeout(15):
        while await database.collection(AuditEvent).find_one({}) is None:  # noqa: ASYNC110 - its writer has no event
            await asyncio.sleep(0.05)
    rule_id = ObjectId()
    await database.collection(AlertRule).insert_one(rule(rule_id))
    await database.collection(Alert).insert_one(alert(rule_id))
    runs = database.collection(Execution)
    of_workflow = {"tenant_id": "acme", "workflow_name": "ci-pipeline"}
    failed = await runs.find_one({**of_workflow, "error_details.message": {"$regex": "certificate"}, "attempt": 2})
    completed = await runs.find_one({**of_workflow, "status": "completed"})
    assert failed is not None
    assert completed is not None
    return Runs(failed["execution_id"], completed["execution_id"])


def _shows(role: str, name: str | re.Pattern[str]) -> Look:
    async def wait(page: Page) -> None:
        await expect(page.get_by_role(role, name=name).first).to_be_visible()  # pyright: ignore[reportArgumentType] - a role

    return wait


async def _overview(page: Page) -> None:
    for name in ("Fails most", "New errors", "Slower than usual", "Stuck or silent"):
        await expect(page.get_by_role("region", name=name)).to_be_visible()
        await expect(page.get_by_role("region", name=name).get_by_text("Loading")).not_to_be_attached()


async def _open_overview(page: Page) -> None:
    await page.get_by_text("Executions by status as a table").click()


async def _list(page: Page) -> None:
    await expect(page.get_by_role("row").nth(5)).to_be_visible()


async def _open_list(page: Page) -> None:
    # They are there where there is room.
    await expect(page.get_by_role("region", name="Facets").get_by_role("button").first).to_be_attached()
    for key in ("j", "x"):
        await page.keyboard.press(key)
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await page.get_by_role("button", name="Display").click()


async def _graph(page: Page) -> None:
    await expect(page.get_by_role("region", name="Graph of the steps")).to_be_visible()


async def _logs(page: Page) -> None:
    await expect(page.get_by_text(re.compile(r"^\d+ lines")).first).to_be_visible()


async def _compared(page: Page) -> None:
    await expect(page.get_by_role("table").first).to_be_visible()


async def _failures(page: Page) -> None:
    await expect(page.get_by_role("list", name="Failures").get_by_role("listitem").first).to_be_visible()


async def _open_failures(page: Page) -> None:
    first = page.get_by_role("list", name="Failures").get_by_role("listitem").first
    await first.get_by_text("Details").click()


async def _workflow(page: Page) -> None:
    await expect(page.get_by_role("toolbar")).to_be_visible()


async def _open_workflow(page: Page) -> None:
    await page.get_by_role("region", name="History").get_by_text("As a table").click()


async def _alerts(page: Page) -> None:
    await page.get_by_role("listitem").get_by_role("button", name="Executions").first.click()
    # Which run last depends on the time of day.
    await expect(page.get_by_role("list", name="Alerts").get_by_role("link").first).to_be_visible()


async def _rules(page: Page) -> None:
    await page.get_by_role("button", name="New rule").click()
    await page.get_by_role("textbox", name="Name").fill("builds fail")
    await page.get_by_label("Number above").fill("2")
    await page.get_by_label("Share above").fill("")
    await page.get_by_label("One alert for each").select_option("workflow")
    await page.get_by_role("button", name="Add a channel").click()
    await expect(page.get_by_text("It would have fired")).to_be_visible()


async def _webhooks(page: Page) -> None:
    await page.get_by_role("button", name="New webhook").click()
    await expect(page.get_by_label("Address")).to_be_visible()


async def _keys(page: Page) -> None:
    await expect(page.get_by_text("airflow of the data platform")).to_be_visible()
    await page.get_by_role("button", name="New key").click()
    await expect(page.get_by_label("Expires")).to_be_visible()


async def _api(page: Page) -> None:
    operation = page.get_by_role("region", name=f"GET {LIST_PATH}", exact=True)
    await operation.get_by_text("Parameters").click()
    await operation.get_by_text("Responses").click()


async def _graphiql(page: Page) -> None:
    await expect(page.locator(".graphiql-query-editor .view-line").nth(1)).to_be_visible()
    await page.get_by_role("button", name=re.compile("Execute query")).click()
    await expect(page.locator(".result-window")).to_contain_text('"data"')


# GraphiQL is not ours: only its newer releases can mend this.
_GRAPHIQL_BREAKS = {
    # The editor draws code and line numbers in the colours of its themes.
    "color-contrast": ".monaco-editor",
    # A tab has the button in it that closes it.
    "nested-interactive": ".graphiql-tab",
}

PAGES = (
    DashboardPage("overview", "/", _overview, _open_overview),
    DashboardPage("list", "/executions?filter=any(status:in(FAILED)+createdAt:lt(-1h))", _list, _open_list),
    DashboardPage("timeline", "/executions/{failed}", _shows("button", re.compile("^Failed: "))),
    DashboardPage("graph", "/executions/{failed}?tab=graph", _graph),
    DashboardPage("logs", "/executions/{failed}?tab=logs", _logs),
    DashboardPage("data", "/executions/{failed}?tab=data", _shows("group", re.compile("as JSON$"))),
    DashboardPage("last-success", "/executions/{failed}?tab=compare", _compared),
    DashboardPage("compare", "/compare?a={failed}&b={completed}", _compared),
    DashboardPage("failures", "/failures?since=-7d", _failures, _open_failures),
    DashboardPage("workflow", "/workflows/ci-pipeline", _workflow, _open_workflow),
    DashboardPage("alerts", "/alerts", _alerts),
    DashboardPage("rules", "/alerts/rules", _rules),
    DashboardPage("webhooks", "/webhooks", _webhooks),
    DashboardPage("keys", "/keys", _keys),
    DashboardPage("audit", "/audit", _shows("row", re.compile("ada"))),
    DashboardPage("connect", "/connect", _shows("region", "Settings for Airflow")),
    DashboardPage("api", "/api", _api),
    DashboardPage("missing", "/executions/none", _shows("heading", re.compile("not"))),
    DashboardPage("graphiql", "/graphiql", _graphiql, exceptions=_GRAPHIQL_BREAKS),
)
SIGN_IN = DashboardPage("sign-in", "/", _shows("button", "olivia"))

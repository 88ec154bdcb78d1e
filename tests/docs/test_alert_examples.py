"""The examples of alerts.md run as they stand on the page."""

import re
from collections.abc import Callable
from pathlib import Path

import orjson

from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute

PAGE = (Path(__file__).parents[2] / "src" / "docs" / "alerts.md").read_text(encoding="utf-8")
GRAPHQL = re.findall(r"^```graphql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SECTION = PAGE.partition("\n## Conditions\n")[2].partition("\n## ")[0]
CONDITIONS = re.findall(r"^```json\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
CREATE = """mutation M($condition: AlertConditionInput!) {
  createAlertRule(input: { name: "x", condition: $condition, channels: [] }) { alertRule { condition } } }"""


async def test_every_example_of_alerts_runs(server: str, token_for: Callable[..., str]):
    token = token_for("ada", "acme", "executions:read", "alerts:write")
    for document in GRAPHQL:
        if not document.startswith("subscription"):
            assert (await execute(server, token, document)).data
    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": next(each for each in GRAPHQL if each.startswith("subscription"))})
        await execute(server, token, CREATE, condition={"duration": {"longerThanSeconds": 1}})
        await socket.send({"type": "ping"})
        # An operation that is wrong ends with an error before that.
        assert (await socket.receive())["type"] == "pong"

    kinds = list[str]()
    for text in CONDITIONS:
        condition = orjson.loads(text)
        made = (await execute(server, token, CREATE, condition=condition)).data["createAlertRule"]["alertRule"]
        kinds += made["condition"]
    assert sorted(kinds) == ["duration", "event", "rate", "silence", "sum"]

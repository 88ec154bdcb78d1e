"""`stats`: sums of executions in a terminal or for scripts, over the public API of a real server."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.client_commands import in_terminal, run
from tests.support.documents import execution, store

Token = Callable[..., str]


def recent() -> list[dict[str, Any]]:
    """Four executions of the last hours, and an old one."""
    now = datetime.now(UTC)
    ages = {"completed": 1, "failed": 2, "timed_out": 3}
    return [
        *(
            execution(
                hours,
                status=status,
                created=now - timedelta(hours=hours),
                total_duration=10.0 * hours,
                total_cost=0.5,
                tokens_used=7,
            )
            for status, hours in ages.items()
        ),
        execution(4, created=now - timedelta(hours=1), workflow_name="ml\x1b[2J", user_id="grace"),
        execution(5, created=now - timedelta(days=20)),
    ]


async def test_sums_are_lines_for_scripts(server: str, token_for: Token):
    await store(*recent())
    token = token_for("olivia", "acme", "executions:read:tenant")

    code, out, _ = await run(server, token, "stats", "--since", "5h", "--interval", "1h", "--by", "workflow")

    lines = [line.split("\t") for line in out.splitlines()]
    sums = {line[0]: line[1] for line in lines if len(line) == 2}
    buckets = [line for line in lines if line[0] == "bucket"]
    groups = [line for line in lines if line[0] == "group"]
    assert code == 0
    assert (sums["count"], sums["totalCost"], sums["tokens"], sums["basis"]) == ("4", "1.5", "21", "EXACT")
    assert ["status", "TIMED_OUT", "1"] in lines
    assert ["duration", "count", "3"] in lines
    assert sum(int(bucket[3]) for bucket in buckets) == 4
    assert sum(int(bucket[4]) for bucket in buckets) == 2
    assert [group[1:4] for group in groups] == [["etl", "3", "2"], ["ml\N{REPLACEMENT CHARACTER}[2J", "1", "0"]]


async def test_json_is_the_answer_of_the_server_for_the_filter(server: str, token_for: Token):
    await store(*recent())

    failed = ("--json", "--filter", '{"status": {"eq": "FAILED"}}')
    _, out, _ = await run(server, token_for("ada", "acme"), "stats", *failed)

    found = json.loads(out)
    assert (found["count"], found["successRate"], "groups" in found) == (1, 0.0, False)


async def test_a_terminal_gets_bars_and_sparklines_that_fit(server: str, token_for: Token):
    await store(*recent())
    token = token_for("olivia", "acme", "executions:read:tenant")

    wide = await in_terminal(server, token, "stats", "--since", "30d", "--by", "workflow")
    narrow = await in_terminal(server, token, "stats", "--since", "5h", columns=40)

    words = ["of the last 30d", "5 executions", "successful", "TIMED_OUT", "p95", "etl", "Success"]
    assert [word for word in words if word not in wide] == []
    assert "\x1b[2J" not in wide
    for page in (wide, narrow):
        assert re.search(r"TIMED_OUT[^\n]*█", page)
        # The greatest of a series is as high as can be.
        assert re.search(r"Failed[^\n]*█", page)


@pytest.mark.parametrize(
    ("columns", "heading"),
    [
        pytest.param(44, ["Executions", "Failed"], id="44 columns"),
        pytest.param(80, ["Executions", "Failed", "Success", "p50", "p95", "Cost"], id="80 columns"),
    ],
)
async def test_a_narrow_terminal_shows_names_of_groups_and_the_columns_for_which_there_is_room(
    server: str, token_for: Token, columns: int, heading: list[str]
):
    now = datetime.now(UTC)
    await store(*(execution(number, created=now, workflow_name="nightly-ledger-close-7") for number in range(3)))

    page = await in_terminal(server, token_for("ada", "acme"), "stats", "--by", "workflow", columns=columns)

    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in page.splitlines()]
    assert [line.split() for line in lines if line.startswith("Workflow name")] == [["Workflow", "name", *heading]]
    assert [line.split()[1] for line in lines if line.startswith("nightly-ledger-close-7")] == ["3"]
    assert [line for line in lines if line.strip(" ") and not line.strip(" █")] == []


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        pytest.param(["--time-zone", "Berlin"], "timeZone must be an IANA name", 2, id="no time zone"),
        pytest.param(
            ["--since", "30d", "--interval", "1m"], "A series has at most 100 buckets; interval", 2, id="many buckets"
        ),
        pytest.param(["--filter", '{"workflow": {}}'], "Variable '$filter'", 2, id="a filter with a typo"),
    ],
)
async def test_what_the_server_refuses_is_one_sentence(
    server: str, token_for: Token, arguments: list[str], sentence: str, code: int
):
    found = await run(server, token_for("ada", "acme"), "stats", *arguments)

    assert (found[0], found[1]) == (code, "")
    assert found[2].startswith(sentence)
    assert len(found[2].splitlines()) == 1

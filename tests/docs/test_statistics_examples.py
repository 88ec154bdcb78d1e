"""The example of statistics.md runs as it stands on the page."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.client import execute
from tests.support.documents import execution, store

PAGE = (Path(__file__).parents[2] / "src" / "docs" / "statistics.md").read_text(encoding="utf-8")


async def test_the_query_runs_and_shows_every_field_that_the_page_explains(server: str, token_for: Callable[..., str]):
    section = PAGE.partition("## In GraphQL\n")[2].partition("\n## ")[0]
    (query,) = re.findall(r"^```graphql\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    just_now = datetime.now(UTC) - timedelta(minutes=1)
    await store(
        execution(
            1, created=just_now, status="failed", total_duration=9, error_details={"message": "", "code": "DISK"}
        ),
        execution(2, created=just_now, status="cancelled"),
    )

    shown = (await execute(server, token_for("ada", "acme"), query)).data["executionStatistics"]

    assert (shown["count"], shown["successRate"]) == (1, 0.0)
    assert sum(each["count"] for each in shown["series"]) == 1
    assert [each["value"] for each in shown["failing"]] == ["etl"]
    assert [each["executionId"] for each in shown["slowest"]] == ["e001"]
    # Those of the first column, but for what is no field.
    named = {
        name for cell in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    assert named - query_names(query) == {"cost"}


def query_names(query: str) -> set[str]:
    """The names in a query."""
    return set(re.findall(r"\w+", query))

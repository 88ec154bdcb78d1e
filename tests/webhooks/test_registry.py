"""Webhooks judge changes by the images of both sides, and look once where the change cannot matter to them."""

from dataclasses import replace
from typing import Any

from bson import ObjectId, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.feeder.registry import OfTenant
from execution_monitor.live.changes import Change, ChangeType, WatchedCollection
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.webhooks.registry import EnabledWebhook
from execution_monitor.webhooks.rights import Rights
from tests.storage.strategies import NEW_YEAR, bounded, executions, filters
from tests.webhooks.delivering import OWNER

KINDS = ("entered", "updated", "left", "deleted")


def webhook(where: Filter, kinds: tuple[str, ...] = KINDS, active_since: int = 0) -> EnabledWebhook:
    row = {
        "_id": ObjectId(),
        "host": "receiver.example.com:443",
        "where": encode_filter(where),
        "kinds": list(kinds),
        "include_payloads": False,
        "rights_revision": 1,
        "active_since": Timestamp(active_since, 1),
        **Rights.of(OWNER).to_stored(),
    }
    return EnabledWebhook.read(row)


def change(before: dict[str, Any] | None, after: dict[str, Any] | None, seconds: int = 1_800_000_000) -> Change:
    names = {*(before or {}), *(after or {})}
    changed = {name for name in names if (before or {}).get(name, ...) != (after or {}).get(name, ...)}
    return Change(
        position=position_after(Timestamp(seconds, 1)),
        collection=WatchedCollection.EXECUTIONS,
        type=ChangeType.UPDATE,
        before=before,
        after=after,
        changed=frozenset(changed),
        cluster_time=Timestamp(seconds, 1),
        occurred_at=NEW_YEAR,
        size=1,
    )


@bounded(100)
@given(filters, executions(size=2), st.sets(st.sampled_from(["status", "total_cost", "tags", "error_details"])))
def test_one_look_says_what_a_look_at_both_images_says(where: Filter, rows: list[dict[str, Any]], taken: set[str]):
    if len(rows) < 2:
        return
    one, other = rows
    # As engines change an execution: a few fields of it.
    after = {**one, **{name: other[name] for name in taken if name in other}}
    judge = webhook(where)

    assert judge.judge(change(one, after)) == replace(judge, reads=None).judge(change(one, after))


def test_a_change_concerns_each_webhook_once_that_is_older():
    registered = OfTenant[EnabledWebhook].read(
        1,
        [{"_id": ObjectId(), "at": at} for at in (0, 1_700_000_000, 1_900_000_000)],
        lambda row: webhook(EVERYTHING, active_since=row["at"]),
        (),
    )
    row = {"tenant_id": "acme", "user_id": "ada", "status": "running"}

    def concerned(seconds: int) -> list[int]:
        found = registered.concerned_by(change({**row, "status": "failed"}, row, seconds))
        return [each.active_since.time for each in found]

    assert concerned(1_800_000_000) == [0, 1_700_000_000]
    assert concerned(1_950_000_000) == [0, 1_700_000_000, 1_900_000_000]

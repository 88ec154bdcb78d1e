"""A replica set of three members, each of which may be killed, frozen and restarted."""

import time
from pathlib import Path

from tests.support.mongod import Mongod, initiate

_START_SECONDS = 60
# The default, 10 s, is for members in several regions; those of one data centre are commonly given 1 to 5 s.
ELECTION_TIMEOUT_MS = 2_000


class ReplicaSet:
    """Three voting members, one of which is primary."""

    def __init__(self, folder: Path) -> None:
        self._members = [Mongod(folder / f"member-{number}") for number in range(3)]
        addresses = ",".join(member.address for member in self._members)
        self.uri = f"mongodb://{addresses}/?replicaSet=rs0"

    def start(self) -> None:
        """Start all members, and return when one is primary and two are secondaries."""
        for member in self._members:
            member.launch()
        initiate(self._members, electionTimeoutMillis=ELECTION_TIMEOUT_MS, heartbeatIntervalMillis=500)
        self.wait_until_whole()

    def primary(self) -> Mongod:
        """The member that takes writes now."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            found = next((member for member in self._members if member.is_running and member.is_primary()), None)
            if found is not None:
                return found
            time.sleep(0.05)
        raise AssertionError("no member became primary")

    def wait_until_whole(self) -> None:
        """Return when there is a primary that the others follow closely, so that the next fault may come."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_whole():
            assert time.monotonic() < deadline, "the members did not become primary and secondaries"
            time.sleep(0.1)

    def close(self) -> None:
        """End every member."""
        for member in self._members:
            member.close()

    def _is_whole(self) -> bool:
        with self.primary().client() as client:
            members = client.admin.command("replSetGetStatus")["members"]
        newest = max(member["optimeDate"] for member in members)
        return sorted(member["stateStr"] for member in members) == ["PRIMARY", "SECONDARY", "SECONDARY"] and all(
            (newest - member["optimeDate"]).total_seconds() <= 1 for member in members
        )

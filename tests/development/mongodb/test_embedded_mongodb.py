"""One MongoDB for all processes with the same data folder, through crashes and races: real servers, real processes."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from execution_monitor.development.mongodb import replica_set
from execution_monitor.development.mongodb.embedded_mongodb import EmbeddedMongoDB, embedded_mongodb
from execution_monitor.development.mongodb.mongod import find_mongod
from execution_monitor.development.mongodb.mongod_folder import MongodFolder
from execution_monitor.development.mongodb.mongod_process import running_pid, start, stop
from execution_monitor.errors import SetupError

# Prints when it begins to start the server and when it has one, and keeps it until its input ends.
USER = """
import contextlib, sys
from pathlib import Path
from execution_monitor.development.mongodb.embedded_mongodb import embedded_mongodb

@contextlib.contextmanager
def report(what):
    print(what, flush=True)
    yield

with embedded_mongodb(Path(sys.argv[1]), "runs", report=report) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""

Row = dict[str, Any]
Process = subprocess.Popen[str]


@pytest.fixture
def data_dir(tmp_path: Path) -> Generator[Path]:
    """A data folder whose server does not outlive the test."""
    yield tmp_path
    stop(folder_in(tmp_path))


def folder_in(data_dir: Path) -> MongodFolder:
    return MongodFolder(data_dir / "mongodb")


@contextmanager
def user_process(data_dir: Path) -> Generator[Process]:
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def next_line(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def server_of(process: Process) -> int:
    """The process id of the server of `process`, once it has one."""
    assert next_line(process) == "Starting MongoDB"
    return int(next_line(process))


def leave(process: Process) -> None:
    process.communicate(timeout=30)
    assert process.returncode == 0


def insert(server: EmbeddedMongoDB, row: Row) -> None:
    with MongoClient[Row](server.uri) as client:
        client["runs"]["rows"].insert_one(row)


def count(server: EmbeddedMongoDB) -> int:
    with MongoClient[Row](server.uri) as client:
        return client["runs"]["rows"].count_documents({})


def kill(pid: int, folder: MongodFolder) -> None:
    """End the server as a crash would; return when the kernel has released its files."""
    os.kill(pid, signal.SIGKILL)
    while running_pid(folder) == pid:
        os.sched_yield()


def test_the_application_may_prepare_read_write_and_watch_its_own_database(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as server, MongoClient[Row](server.uri) as client:
        database = client["runs"]
        database.create_collection("rows", changeStreamPreAndPostImages={"enabled": True})
        database.command("collMod", "rows", changeStreamPreAndPostImages={"enabled": True})
        database["rows"].create_index("name")

        with database.watch(full_document="required", full_document_before_change="whenAvailable") as changes:
            database["rows"].insert_one({"name": "first"})

            assert changes.next()["fullDocument"]["name"] == "first"


def test_the_application_may_touch_no_other_database_and_a_stranger_none(data_dir: Path) -> None:
    with (
        embedded_mongodb(data_dir, "runs") as server,
        MongoClient[Row](server.uri) as application,
        MongoClient[Row](server.uri.partition("//")[0] + f"//127.0.0.1:{server.port}/") as stranger,
    ):
        with pytest.raises(OperationFailure, match="not authorized on other"):
            application["other"]["rows"].insert_one({})
        with pytest.raises(OperationFailure, match="not authorized on admin"):
            application["admin"].command("usersInfo", 1)
        with pytest.raises(OperationFailure, match="requires authentication"):
            stranger["runs"]["rows"].insert_one({})


def test_two_databases_of_one_server_are_closed_to_each_other_and_open_to_root(data_dir: Path) -> None:
    with (
        embedded_mongodb(data_dir, "runs") as server,
        embedded_mongodb(data_dir, "other") as other,
        MongoClient[Row](other.uri) as stranger,
        MongoClient[Row](server.root_uri) as root,
    ):
        insert(server, {})

        assert other.pid == server.pid
        assert root["runs"]["rows"].count_documents({}) == 1
        with pytest.raises(OperationFailure, match="not authorized on runs"):
            stranger["runs"]["rows"].count_documents({})


def test_data_and_port_are_kept_from_start_to_start(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as first:
        insert(first, {})
    stopped = running_pid(folder_in(data_dir)) is None
    with embedded_mongodb(data_dir, "runs") as second:
        assert count(second) == 1

    assert stopped
    assert second.uri == first.uri
    assert second.pid != first.pid


def test_files_are_for_their_owner_alone_and_credentials_are_not_shown(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as server:
        folder = folder_in(data_dir)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}

        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert modes.pop("data") == 0o700
        assert set(modes.values()) == {0o600}
        assert repr(server) == f"EmbeddedMongoDB(port={server.port}, pid={server.pid})"


def test_it_listens_on_loopback_alone(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as server, MongoClient[Row](server.root_uri) as root:
        options = root["admin"].command("getCmdLineOpts")["parsed"]["net"]

        assert options["bindIp"] == "127.0.0.1"
        assert options["unixDomainSocket"]["enabled"] is False
        assert options["compression"]["compressors"] == "snappy,zstd"


def test_the_log_of_a_run_and_of_the_one_before_are_kept(data_dir: Path) -> None:
    for _ in range(3):
        with embedded_mongodb(data_dir, "runs"):
            pass

    assert sorted(path.name for path in folder_in(data_dir).path.glob("mongod.log*")) == ["mongod.log", "mongod.log.1"]


def test_the_server_runs_until_the_last_process_leaves_whichever_started_it(data_dir: Path) -> None:
    with user_process(data_dir) as starter:
        started = server_of(starter)
        with embedded_mongodb(data_dir, "runs") as server:
            leave(starter)

            assert server.pid == started
            assert running_pid(folder_in(data_dir)) == started
            assert count(server) == 0

    assert running_pid(folder_in(data_dir)) is None


def test_many_processes_that_start_at_once_share_one_server(data_dir: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(user_process(data_dir)) for _ in range(6)]
        servers = {server_of(user) for user in users}
        running = running_pid(folder_in(data_dir))
        for user in users:
            leave(user)

    assert servers == {running}
    assert running_pid(folder_in(data_dir)) is None


def test_processes_that_come_while_others_go_always_have_a_server(data_dir: Path) -> None:
    for _ in range(4):
        with user_process(data_dir) as going, user_process(data_dir) as coming:
            server_of(going)
            assert going.stdin is not None
            going.stdin.close()
            pid = server_of(coming)

            assert running_pid(folder_in(data_dir)) == pid
            leave(coming)

    assert running_pid(folder_in(data_dir)) is None


def test_a_server_whose_user_was_killed_serves_the_next_and_stops_with_it(data_dir: Path) -> None:
    with user_process(data_dir) as user:
        started = server_of(user)
        user.kill()
        user.wait()

    with embedded_mongodb(data_dir, "runs") as server:
        assert server.pid == started

    assert running_pid(folder_in(data_dir)) is None


def test_a_server_that_was_killed_is_started_again_with_its_data_by_the_next_process(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as first:
        insert(first, {})
        kill(first.pid, folder_in(data_dir))
        with embedded_mongodb(data_dir, "runs") as second:
            assert second.pid != first.pid
            assert second.uri == first.uri

        assert running_pid(folder_in(data_dir)) == second.pid
        assert count(first) == 1

    assert running_pid(folder_in(data_dir)) is None


def test_a_server_starts_after_a_process_was_killed_while_starting_it(data_dir: Path) -> None:
    with user_process(data_dir) as user:
        assert next_line(user) == "Starting MongoDB"
        while running_pid(folder_in(data_dir)) is None:
            os.sched_yield()
        user.kill()
        user.wait()

    with embedded_mongodb(data_dir, "runs") as server:
        insert(server, {})

        assert count(server) == 1


@pytest.mark.parametrize("is_up", [False, True], ids=["before the server is up", "while the server runs"])
def test_an_interrupt_stops_everything(data_dir: Path, *, is_up: bool) -> None:
    with user_process(data_dir) as user:
        assert next_line(user) == "Starting MongoDB"
        if is_up:
            next_line(user)
        user.send_signal(signal.SIGINT)
        status = user.wait(30)

    assert status == -signal.SIGINT
    assert running_pid(folder_in(data_dir)) is None


def test_a_port_that_is_taken_is_replaced_and_the_data_are_there(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as first:
        insert(first, {})
    with socket.create_server(("127.0.0.1", first.port)), embedded_mongodb(data_dir, "runs") as second:
        assert second.port != first.port
        assert count(second) == 1
        insert(second, {})
    with embedded_mongodb(data_dir, "runs") as third:
        assert third.port == second.port
        assert count(third) == 2


def test_a_port_replaced_after_a_crash_loses_no_acknowledged_row(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as first:
        for number in range(200):
            insert(first, {"number": number})
        kill(first.pid, folder_in(data_dir))
        with socket.create_server(("127.0.0.1", first.port)), embedded_mongodb(data_dir, "runs") as second:
            assert second.port != first.port
            assert count(second) == 200


def test_a_change_of_port_that_was_killed_is_done_again(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as first:
        insert(first, {})
    folder = folder_in(data_dir)
    folder.forget_port()
    start(find_mongod(), folder, first.port, alone=True)

    with embedded_mongodb(data_dir, "runs") as second:
        assert count(second) == 1


def test_data_of_another_version_are_refused_with_a_message(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs"):
        pass
    turtle = folder_in(data_dir).data / "WiredTiger.turtle"
    turtle.write_text(turtle.read_text().replace("major=", "major=9"))

    with (
        pytest.raises(SetupError, match="come from another version of MongoDB: start that version, or set"),
        embedded_mongodb(data_dir, "runs"),
    ):
        pass


def test_a_lost_key_is_replaced_and_the_data_are_there(data_dir: Path) -> None:
    with embedded_mongodb(data_dir, "runs") as first:
        insert(first, {})
    folder_in(data_dir).key.unlink()

    with embedded_mongodb(data_dir, "runs") as second, MongoClient[Row](second.root_uri) as root:
        assert second.uri != first.uri
        assert count(second) == 1
        assert root["admin"].command("ping")["ok"] == 1


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(
            SetupError, match=r"file/mongodb cannot be used \(Not a directory\): .*EXECUTION_MONITOR_DATA_DIR"
        ),
        embedded_mongodb(tmp_path / "file", "runs"),
    ):
        pass


def test_a_disk_too_small_for_a_new_server_is_known_before_it_starts(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_in(data_dir)
    monkeypatch.setattr(shutil, "disk_usage", {folder.path: SimpleNamespace(free=100 * 2**20)}.get)

    with (
        pytest.raises(SetupError, match="needs 400 MiB and its disk has 100 MiB left: free some space, or set EXEC"),
        embedded_mongodb(data_dir, "runs"),
    ):
        pass

    assert not folder.log.exists()


@pytest.mark.parametrize("status", [pytest.param(3, id="at once"), pytest.param(0, id="while it is prepared")])
def test_the_error_quotes_a_mongod_that_ends(
    status: int, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mongod").write_text(
        f'#!/bin/sh\ntest "$1" = --version && exec echo db version v8.2.0\necho the moon is full >&2; exit {status}\n'
    )
    (programs / "mongod").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(replica_set, "_SELECTION_MS", 50)

    with (
        pytest.raises(SetupError, match=r"^MongoDB did not start \(the moon is full\): see .*mongod\.log\.$"),
        embedded_mongodb(data_dir, "runs"),
    ):
        pass

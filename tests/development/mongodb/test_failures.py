"""A mongod that does not start: the reason it logged, and what to do."""

import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from execution_monitor.development.mongodb.failures import ending, explained_failure
from execution_monitor.development.mongodb.mongod_folder import MongodFolder
from execution_monitor.errors import SetupError


def folder_with_log(path: Path, log: str) -> MongodFolder:
    folder = MongodFolder(path)
    folder.create()
    folder.log.write_text(log)
    return folder


@pytest.mark.parametrize(
    ("log", "says"),
    [
        pytest.param(
            '{"s":"F","msg":"Invariant failure","attr":{"error":"UnknownError: 28: No space left on device - "}}\n'
            '{"s":"F","msg":"\\n\\n***aborting after invariant() failure\\n\\n"}\n'
            "ERROR: child process failed, exited with 51\n",
            r"^The disk that holds .* is full",
            id="a full disk",
        ),
        pytest.param(
            '{"s":"E","msg":"Error creating journal directory","attr":{"error":"create_directory: Permission denied"}}',
            r"^MongoDB may not write to .*: make it yours",
            id="a folder of another user",
        ),
        pytest.param(
            '{"s":"F","msg":"Wrong mongod version","attr":{"error":"UPGRADE PROBLEM: Found an invalid document"}}',
            r"come from another version of MongoDB",
            id="a feature compatibility version of another release",
        ),
        pytest.param(
            '{"s":"F","msg":"Error creating service context","attr":{"error":"Unable to acquire security key[s]"}}\n'
            '{"s":"F","msg":"Fatal assertion","attr":{"msgid":50944}}\n'
            '{"s":"F","msg":"\\n\\n***aborting after fassert() failure\\n\\n"}\n'
            "ERROR: child process failed, exited with 1\n",
            r"^MongoDB did not start \(Error creating service context: Unable to acquire security key\[s\]\): see ",
            id="anything else",
        ),
        pytest.param(
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file\n",
            r"\(mongod: error while loading shared libraries: libcurl\.so\.4: cannot open shared object file\)",
            id="a library that is gone",
        ),
        pytest.param(
            "/cache/mongod: /lib/libm.so.6: version `GLIBC_2.38' not found (required by /cache/mongod)\n"
            "/cache/mongod: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /cache/mongod)\n",
            r"\(/cache/mongod: /lib/libm\.so\.6: version `GLIBC_2\.38' not found \(required by /cache/mongod\)\)",
            id="an old C library",
        ),
        pytest.param(
            '{"s":"I","msg":"Shuffling initializers"}\n'
            '{"s":"F","msg":"Error during global initialization",'
            '"attr":{"error":{"code":2,"codeName":"BadValue","errmsg":"Unknown --setParameter"}}}\n',
            r"\(Error during global initialization: Unknown --setParameter\)",
            id="an error with a code",
        ),
        pytest.param(
            "Error parsing command line: unrecognised option '--nonsense=1'\ntry 'mongod --help' for more\n",
            r"\(Error parsing command line: unrecognised option '--nonsense=1'\)",
            id="an option that this mongod does not know",
        ),
        pytest.param(
            "1049 system-alloc.cc:755] MmapAligned() failed - unable to allocate with tag\n",
            r"\(1049 system-alloc\.cc:755\] MmapAligned\(\) failed - unable to allocate with tag\)",
            id="no memory",
        ),
        pytest.param(
            '{"s":"I","msg":"Shuffling initializers"}\n{"s":"F","msg":"cut off when the ser\n'
            "about to fork child process, waiting until server is ready for connections.\nforked process: 7\n"
            'ERROR: child process failed, exited with 9\nTo see additional information, start without "--fork".\n',
            r'\(\{"s":"F","msg":"cut off when the ser\)',
            id="half a line",
        ),
        pytest.param(
            "about to fork child process, waiting until server is ready for connections.\nforked process: 7\n"
            "ERROR: child process failed, exited with 9\nTo see additional information, start without it.\n",
            r"\(ERROR: child process failed, exited with 9\)",
            id="the launcher alone",
        ),
        pytest.param("", r"^MongoDB did not start \(ended by SIGKILL\): see ", id="no output"),
    ],
)
def test_a_failed_start_is_explained_by_what_the_log_says(log: str, says: str, tmp_path: Path) -> None:
    folder = folder_with_log(tmp_path, log)

    with pytest.raises(SetupError, match=says):
        raise explained_failure(folder, ending(-signal.SIGKILL))


@pytest.mark.parametrize(
    ("status", "expected"),
    [(14, "exit status 14, and no reason given"), (-4, "ended by SIGILL"), (-40, "ended by signal 40")],
)
def test_a_program_without_output_is_described_by_its_status(status: int, expected: str) -> None:
    assert ending(status) == expected


def test_a_full_disk_is_named_though_the_log_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with_log(tmp_path, "")
    monkeypatch.setattr(shutil, "disk_usage", {folder.path: SimpleNamespace(free=0)}.get)

    with pytest.raises(SetupError, match=r"^The disk that holds .* is full"):
        raise explained_failure(folder, ending(1))

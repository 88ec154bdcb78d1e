"""The examples in `src/deploy`: they parse, hang together, and name settings, options and files that are there."""

import configparser
import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
import typer.main
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from execution_monitor.cli import main as cli
from execution_monitor.settings import Settings
from tests.engines.pythons import supported

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "src" / "deploy"
SETTINGS = {f"EXECUTION_MONITOR_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def stages() -> list[list[tuple[str, str]]]:
    """The instructions of the container file, a list for each `FROM`."""
    lines = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        if name:
            found[-1].append((name, rest.strip()))
    return found


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """The options of the unit's `[Service]`, each with all its values."""
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - as the documentation says
    parser.read(DEPLOY / "execution-monitor.service")
    assert parser.sections() == ["Unit", "Service", "Install"]
    return {name: shlex.split(value) for name, value in parser.items("Service")}


def is_command(arguments: list[str]) -> bool:
    """Whether the command line accepts `arguments`; raises its error otherwise."""
    commands = cast("Any", typer.main.get_command(cli.app)).commands
    return bool(commands[arguments[0]].make_context(arguments[0], arguments[1:]).params)


@pytest.mark.parametrize("path", sorted(each for each in DEPLOY.iterdir() if each.suffix != ".dockerignore"))
def test_every_setting_that_is_named_is_one(path: Path):
    named = set(re.findall(r"EXECUTION_MONITOR_[A-Z_]+", path.read_text()))

    assert named
    assert named <= SETTINGS


def test_the_image_is_made_of_the_wheel_and_of_locked_packages_alone(stages: list[list[tuple[str, str]]]):
    build, final = stages
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sources = [source for name, rest in build if name == "COPY" for source in rest.split()[:-1]]
    install = next(rest for name, rest in build if name == "RUN")

    assert ignored[1:] == ["*", *(f"!{source}" for source in sources)]
    assert [source for source in sources if (ROOT / source).is_file()] == [".locks/runtime.txt"]
    assert [fnmatch("dist/execution_monitor-0.1.0-py3-none-any.whl", source) for source in sources] == [False, True]
    assert "--require-hashes -r /build/runtime.txt" in install
    assert "--no-deps /build/execution_monitor-*.whl" in install
    assert [rest for name, rest in final if name == "COPY"] == [
        "--from=build /opt/execution-monitor /opt/execution-monitor"
    ]


def test_the_image_is_slim_and_serves_as_a_user_without_rights(stages: list[list[tuple[str, str]]]):
    bases = {rest.split()[0] for stage in stages for name, rest in stage if name == "FROM"}
    final = dict(stages[-1])
    names = [name for name, _ in stages[-1]]
    program, command = json.loads(final["ENTRYPOINT"]), json.loads(final["CMD"])

    assert bases in [{f"python:{version}-slim"} for version in supported()]
    assert re.fullmatch(r"([1-9]\d*):\1", final["USER"])
    assert f"--uid {final['USER'].partition(':')[0]} " in final["RUN"]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    assert program == ["execution-monitor"]
    assert is_command(command)
    assert command[command.index("--port") + 1] == final["EXPOSE"]
    assert f"http://127.0.0.1:{final['EXPOSE']}/livez" in final["HEALTHCHECK"]


def test_no_image_holds_mongodb_beside_the_server(stages: list[list[tuple[str, str]]], services: dict[str, Any]):
    instructions = " ".join(rest for stage in stages for _, rest in stage)

    assert "mongo" not in instructions.lower()
    assert {name for name, service in services.items() if service["image"].startswith("mongo:")} == {
        *("mongo1", "mongo2", "mongo3"),
        "initiate",
    }


def test_the_replica_set_of_three_is_what_the_server_connects_to(services: dict[str, Any]):
    nodes = {name: service for name, service in services.items() if service.get("command", [""])[0] == "mongod"}
    uri = urlsplit(str(services["server"]["environment"]["EXECUTION_MONITOR_MONGODB_URI"]))
    script = services["initiate"]["command"][0]
    hosts = [f"{name}:27017" for name in nodes]

    assert len(nodes) == 3
    assert uri.netloc.split(",") == hosts
    assert re.findall(r'host: "([^"]+)"', script) == hosts
    assert {node["command"][node["command"].index("--replSet") + 1] for node in nodes.values()} == {
        *parse_qs(uri.query)["replicaSet"],
        *re.findall(r'_id: "([^"]+)"', script),
    }
    assert set(services["initiate"]["depends_on"]) == set(nodes)
    assert services["server"]["depends_on"] == {"initiate": {"condition": "service_completed_successfully"}}
    # Each keeps what it stores in a volume of its own.
    assert len({volume for node in nodes.values() for volume in node["volumes"]}) == 3


def test_only_the_server_can_be_reached_and_only_from_this_machine(services: dict[str, Any]):
    networks = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["networks"]
    server = services["server"]
    others = [service for name, service in services.items() if name != "server"]

    assert server["ports"] == ["127.0.0.1:8000:8000"]
    assert networks["database"] == {"internal": True}
    assert all(service["networks"] == ["database"] and "ports" not in service for service in others)
    assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
    # Compose refuses to start without one: none is written down.
    assert server["environment"]["EXECUTION_MONITOR_JWT_SECRET"].startswith("${EXECUTION_MONITOR_JWT_SECRET:?")


def test_compose_builds_the_image_that_is_described_here(services: dict[str, Any]):
    build = services["server"]["build"]

    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_no_image_names_a_registry(stages: list[list[tuple[str, str]]], services: dict[str, Any]):
    bases = [rest.split()[0] for stage in stages for name, rest in stage if name == "FROM"]

    assert [image for image in (*bases, *(each["image"] for each in services.values())) if "/" in image] == []


def test_the_unit_runs_a_command_that_is_there_without_rights(unit: dict[str, list[str]]):
    program, *arguments = unit["ExecStart"]

    assert Path(program).name == "execution-monitor"
    assert is_command(arguments)
    assert unit["DynamicUser"] == unit["NoNewPrivileges"] == unit["ProtectHome"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["CapabilityBoundingSet"] == []
    # Where secrets are, and not in the unit, which every user may read.
    assert unit["EnvironmentFile"] == ["/etc/execution-monitor/environment"]
    assert not [each for each in unit["Environment"] if "SECRET" in each or "URI" in each]


def test_there_is_time_to_stop_in(unit: dict[str, list[str]], services: dict[str, Any]):
    # A stop takes less than 10 seconds: see server.py.
    assert int(unit["TimeoutStopSec"][0]) > 10
    assert int(services["server"]["stop_grace_period"].removesuffix("s")) > 10
    # The first process signals its workers, each once.
    assert unit["KillMode"] == ["mixed"]


def pinned(lock: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / ".locks" / lock).read_text(), re.MULTILINE))


def test_what_is_deployed_are_the_versions_that_were_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {
        canonicalize_name(Requirement(each).name)
        for each in (*project["dependencies"], *project["optional-dependencies"]["tracing"])
    }
    deployed = {name for name, _ in pinned("runtime.txt")}

    assert pinned("runtime.txt") <= pinned("development.txt")
    assert needed <= deployed
    assert {"pytest", "playwright", "hatchling"} & deployed == set()

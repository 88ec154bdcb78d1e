"""Imports run one way: cli -> app -> graphql, rest, web -> services -> live, executions -> limits -> asgi -> auth."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text())
    for path in SOURCE.rglob("*.py")
}
PACKAGE = "execution_monitor"

# What each package, or one in it, may import of ours, beside itself: only what stands above it in this table. What is
# not named may import all.
ALLOWED = {
    "errors": (),
    "lru_cache": (),
    "tasks": (),
    "token_bucket": (),
    "turns": (),
    "observability.log_level": (),
    "observability.logging": ("observability.log_level",),
    "observability.metrics.families": (),
    "storage": ("errors", "tasks", "observability.metrics.families"),
    "auth": ("errors", "lru_cache", "tasks", "token_bucket", "storage"),
    "encryption": ("errors",),
    "outbound": ("errors",),
    "asgi": ("errors", "auth"),
    "limits": ("errors", "observability.metrics.families", "auth", "asgi"),
    "audit": ("errors", "tasks", "token_bucket", "observability.metrics.families", "storage", "auth", "asgi"),
    "ingest.otlp.price_table": (),
    "ingest.otlp.root_rules": (),
    "settings": (
        "errors",
        "observability.log_level",
        "auth",
        "outbound",
        "limits",
        "ingest.otlp.price_table",
        "ingest.otlp.root_rules",
    ),
    "unknown_settings": ("settings",),
    "executions": ("errors", "lru_cache", "storage", "auth", "audit"),
    "live": ("errors", "tasks", "turns", "storage", "auth", "executions"),
    "feeder": (
        "errors",
        "lru_cache",
        "tasks",
        "observability.metrics.families",
        "storage",
        "auth",
        "executions",
        "live",
    ),
    "statistics": (
        "errors",
        "lru_cache",
        "tasks",
        "turns",
        "observability.metrics.families",
        "storage",
        "auth",
        "executions",
        "live",
        "feeder",
    ),
    "observability.tracing": ("errors", "asgi"),
    "observability.metrics": ("errors", "observability.metrics.families", "asgi", "live"),
    "ingest": ("errors", "tasks", "turns", "lru_cache", "observability.metrics.families", "storage", "auth"),
    "rest.models": ("storage",),
    "rest.paths": (),
    "rest.mapping": ("errors", "storage", "auth", "rest.models"),
    "saved_views": ("errors", "storage", "auth"),
    "webhooks": (
        "errors",
        "lru_cache",
        "tasks",
        "observability.metrics.families",
        "storage",
        "auth",
        "encryption",
        "outbound",
        "executions",
        "live",
        "feeder",
        "rest.models",
        "rest.mapping",
        "rest.paths",
    ),
    "alerts": (
        "errors",
        "lru_cache",
        "tasks",
        "observability.metrics.families",
        "storage",
        "auth",
        "encryption",
        "outbound",
        "executions",
        "live",
        "feeder",
        "statistics",
        "rest.models",
        "rest.mapping",
        "rest.paths",
        "webhooks",
    ),
    "services": (
        "errors",
        "storage",
        "auth",
        "encryption",
        "outbound",
        "asgi",
        "limits",
        "audit",
        "settings",
        "executions",
        "live",
        "feeder",
        "statistics",
        "ingest",
        "webhooks",
        "alerts",
        "observability.tracing",
        "observability.metrics",
    ),
    "graphql.selection": (),
    "graphql.context": (
        "storage",
        "auth",
        "asgi",
        "executions",
        "live",
        "statistics",
        "ingest",
        "saved_views",
        "webhooks",
        "alerts",
    ),
    "graphql.enums": ("storage", "audit", "statistics", "alerts"),
    "graphql.inputs": ("errors", "storage", "executions", "statistics", "graphql.enums"),
    "graphql.types": (
        "errors",
        "storage",
        "auth",
        "audit",
        "executions",
        "live",
        "statistics",
        "ingest",
        "saved_views",
        "webhooks",
        "alerts",
        "graphql.selection",
        "graphql.context",
        "graphql.enums",
        "graphql.inputs",
    ),
    "graphql.validation.cost": ("errors", "storage", "graphql.selection"),
    "graphql.validation.documents": ("graphql.validation.cost",),
    "graphql.errors": ("errors", "asgi", "graphql.validation.documents"),
    "graphql.validation": (
        "errors",
        "lru_cache",
        "auth",
        "asgi",
        "graphql.selection",
        "graphql.validation.documents",
        "graphql.errors",
    ),
    "graphql.compiled": (
        "errors",
        "lru_cache",
        "storage",
        "auth",
        "asgi",
        "executions",
        "live",
        "graphql.context",
        "graphql.selection",
        "graphql.types",
        "graphql.validation",
    ),
    "graphql.execution": (
        "errors",
        "auth",
        "asgi",
        "executions",
        "live",
        "services",
        "graphql.context",
        "graphql.types",
        "graphql.errors",
        "graphql.validation",
        "graphql.compiled",
    ),
    "graphql.transport": (
        "errors",
        "auth",
        "asgi",
        "limits",
        "live",
        "services",
        "graphql.errors",
        "graphql.validation",
        "graphql.execution",
    ),
    "graphql": (
        "errors",
        "storage",
        "auth",
        "executions",
        "saved_views",
        "graphql.selection",
        "graphql.context",
        "graphql.enums",
        "graphql.inputs",
        "graphql.types",
        "graphql.errors",
    ),
    "rest": (
        "errors",
        "tasks",
        "storage",
        "auth",
        "asgi",
        "limits",
        "executions",
        "live",
        "statistics",
        "services",
        "rest.models",
        "rest.mapping",
        "rest.paths",
    ),
    "web": (
        "errors",
        "tasks",
        "observability.metrics.families",
        "auth",
        "asgi",
        "observability.metrics",
        "services",
    ),
    "ingest.http": ("errors", "auth", "asgi", "services", "ingest"),
    "ingest.openlineage": ("errors", "storage", "asgi", "ingest", "ingest.http"),
    "ingest.otlp": (
        "errors",
        "turns",
        "storage",
        "auth",
        "asgi",
        "ingest.otlp.price_table",
        "ingest.otlp.root_rules",
        "ingest",
        "ingest.http",
    ),
    "ingest.endpoints": ("services", "ingest.http", "ingest.openlineage", "ingest.otlp"),
    "server": ("errors", "tasks", "observability.logging", "asgi", "limits", "settings"),
    "app": (
        "tasks",
        "observability.logging",
        "auth",
        "asgi",
        "limits",
        "settings",
        "unknown_settings",
        "observability.metrics",
        "services",
        "graphql.errors",
        "graphql.validation",
        "graphql.execution",
        "graphql.transport",
        "graphql",
        "ingest.endpoints",
        "rest",
        "web",
    ),
}
FRAMEWORK_FREE = (
    "storage",
    "auth",
    "limits",
    "audit",
    "outbound",
    "executions",
    "live",
    "feeder",
    "statistics",
    "ingest",
    "saved_views",
    "alerts",
)
FRAMEWORKS = {"strawberry", "starlette", "uvicorn", "typer", "rich", "graphql"}


def imported_by(tree: ast.AST) -> set[str]:
    """What a module imports, by a statement or by name, as an optional dependency is."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names.update(alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                names.update(f"{module}.{alias.name}" for alias in node.names)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name))]):
                names.add(name)
            case _:
                pass
    return names


def test_imports_by_name_are_seen():
    assert f"{PACKAGE}.observability.tracing.spans" in imported_by(MODULES[f"{PACKAGE}.observability.tracing.optional"])


def test_a_module_that_is_imported_by_name_is_a_literal():
    calls = [
        (module, ast.unparse(node))
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
        and not (node.args and isinstance(node.args[0], ast.Constant))
    ]

    assert calls == []


def part_of(module: str) -> str:
    """The longest name in `ALLOWED` that `module` is or lies in, else its first folder."""
    names = module.removeprefix(PACKAGE).removeprefix(".").split(".")
    parts = (".".join(names[:length]) for length in range(len(names), 0, -1))
    return next((part for part in parts if part in ALLOWED), names[0])


def test_packages_form_no_circle():
    order = list(ALLOWED)

    assert [(each, other) for each in order for other in ALLOWED[each] if other not in order[: order.index(each)]] == []


def test_imports_run_one_way():
    forbidden = [
        (module, name)
        for module, tree in MODULES.items()
        for name in imported_by(tree)
        if name.startswith(f"{PACKAGE}.")
        and (part := part_of(module)) in ALLOWED
        and part_of(name) not in (*ALLOWED[part], part)
    ]

    assert forbidden == []


def test_packages_below_the_transports_know_no_framework():
    known = [
        (module, name)
        for module, tree in MODULES.items()
        if part_of(module) in FRAMEWORK_FREE
        for name in imported_by(tree)
        if name.split(".")[0] in FRAMEWORKS
    ]

    assert known == []


def test_motor_is_only_the_driver_of_the_shared_store_of_rate_limits():
    # Motor has reached its end; PyMongo's own asynchronous driver does all the rest. `limits` has no other one yet.
    stores = [name for name, tree in MODULES.items() if "limits.aio.storage.MongoDBStorage" in imported_by(tree)]

    assert [name for name, tree in MODULES.items() if any(each.startswith("motor") for each in imported_by(tree))] == []
    assert [name.rpartition(".")[2] for name in stores] == ["rate_limits"]


# They declare commands, which import what they need when they begin: the server takes a second to import, which
# `--help`, `token` and `watch` do without.
COMMANDS = f"{PACKAGE}.cli.main"
MODULES_OF_COMMANDS = {COMMANDS, *(each for each in MODULES if each.endswith("_commands"))}


def test_nothing_is_imported_inside_a_function():
    inside = [
        (module, ast.unparse(node))
        for module, tree in MODULES.items()
        if module not in MODULES_OF_COMMANDS
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_every_import_names_its_module_in_full():
    relative = [
        (module, ast.unparse(node))
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert relative == []


_DECLARATIONS = (
    ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign | ast.AnnAssign
)


def test_a_module_declares_and_does_nothing():
    statements = [
        (module, ast.unparse(node))
        for module, tree in MODULES.items()
        if module != f"{PACKAGE}.__main__"
        for node in tree.body
        if not isinstance(node, _DECLARATIONS)
        and not (module == COMMANDS and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        and not (module == COMMANDS and ast.unparse(node).startswith("app.add_typer("))
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]

    assert statements == []


# Prints which modules a command line has imported when it ends.
_IMPORTED_BY = """
import atexit, sys

atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from execution_monitor.cli.main import main
main()
"""
_OF_SERVERS = {"beanie", "graphql", "httpx2", "pymongo", "starlette", "strawberry", "structlog", "uvicorn"}


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        (["--help"], _OF_SERVERS | {"asyncio", "jwt", "pydantic"}),
        (["--version"], _OF_SERVERS | {"asyncio", "jwt", "pydantic", "rich"}),
        (["token", "--user", "ada"], _OF_SERVERS | {"rich", "websockets"}),
        (["watch"], _OF_SERVERS | {"jwt"}),
        (["list", "--token", "t", "--url", "http://127.0.0.1:9"], _OF_SERVERS - {"httpx2"} | {"jwt", "asyncio"}),
    ],
    ids=["help", "version", "token", "watch", "list"],
)
def test_a_small_command_imports_no_server(command: list[str], unneeded: set[str], tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED_BY, *command],
        env={**os.environ, "EXECUTION_MONITOR_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    imported = set(done.stderr.splitlines()[-1].split())
    assert "execution_monitor.cli.main" in imported
    assert imported & unneeded == set()


# Whatever would reach beyond the process, or go on after the import.
_WATCHED_IMPORT = """
import importlib, sys, threading

forbidden = ("socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.remove", "os.putenv", "os.fork")

def refuse(event, arguments):
    if event in forbidden or event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)
for name in sys.argv[1:]:
    importlib.import_module(name)
raise SystemExit(f"threads {threading.enumerate()}" if threading.active_count() > 1 else 0)
"""


def test_nothing_happens_at_import():
    done = subprocess.run(
        [sys.executable, "-B", "-c", _WATCHED_IMPORT, *sorted(MODULES)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

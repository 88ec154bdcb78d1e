import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_the_package_the_lock_of_mongodb_the_dashboard_and_nothing_else(tmp_path: Path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT],
        check=True,
    )

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "execution_monitor/cli.py" in names
    assert "execution_monitor/development/mongodb/package-lock.json" in names
    assert {"execution_monitor/web/static/index.html", "execution_monitor/web/static/graphiql.html"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"execution_monitor", "execution_monitor-0.1.0.dist-info"}
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]

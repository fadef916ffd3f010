"""The package that goes to Azure: exactly the app, and complete without the rest of the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from local.azurite import Azurite
from local.host.process import HostProcess
from tests.packaging.publishers import (
    ROOT,
    Ignores,
    as_core_tools_reads_it,
    as_git_reads_it,
    copy_package,
    shipped,
    zip_package,
)

FUNCTIONS = {"link_dns_zone", "allow_api_server", "attach_route_table", "retire_cluster", "reconcile", "sync_firewall"}
NEVER = [
    ".ci/run",
    ".env",
    ".funcignore",
    ".git/config",
    ".github/workflows/ci.yml",
    ".hypothesis/unicode_data/15.0.0/charmap.json.gz",
    ".import_linter_cache/x.meta.json",
    ".local/azure/ca.pem",
    ".local/azurite/node_modules/azurite/package.json",
    ".mypy_cache/3.11/@plugins_snapshot.json",
    ".pytest_cache/.gitignore",
    ".ruff_cache/.gitignore",
    ".venv/.gitignore",
    ".venv/bin/python",
    "CHANGELOG.md",
    "Makefile",
    "__azurite_db_queue__.json",
    "__pycache__/function_app.cpython-311.pyc",
    "benchmarks/burst.py",
    "cli/__main__.py",
    "docs/configuration.md",
    "functions/__pycache__/report.cpython-311.pyc",
    "infra/main.bicep",
    "local.settings.json",
    "local.settings.json.example",
    "local.settings.production.json",
    "local/azure/__init__.py",
    "pyproject.toml",
    "requirements-cli.txt",
    "requirements-dev.txt",
    "scripts/setup.sh",
    "shared/README.md",
    "shared/plan/__pycache__/planner.cpython-313.pyc",
    "tests/host/sample_app/function_app.py",
]

publishers = pytest.mark.parametrize("ignores", [as_git_reads_it, as_core_tools_reads_it], ids=["git", "core_tools"])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    copy_package(shipped(as_core_tools_reads_it), folder)
    return folder


def _sources(folder: str) -> set[str]:
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


@publishers
def test_package_holds_the_app_and_nothing_else(ignores: Ignores) -> None:
    expected = {"function_app.py", "host.json", "requirements.txt"} | _sources("functions") | _sources("shared")

    assert set(shipped(ignores)) == expected


@publishers
@pytest.mark.parametrize("path", NEVER)
def test_what_is_not_the_app_is_left_out_wherever_it_appears(ignores: Ignores, path: str) -> None:
    assert ignores(path)


def test_table_of_event_subscriptions_is_packaged_as_a_file(package: Path) -> None:
    packaged = package / "shared" / "event_subscriptions.json"

    assert not packaged.is_symlink()
    assert json.loads(packaged.read_text()) == json.loads((ROOT / "infra" / "event_subscriptions.json").read_text())


def test_package_is_small(package: Path, tmp_path: Path, record_property: Any) -> None:
    size = zip_package(package, tmp_path / "package.zip")
    record_property("zip_bytes", size)
    print(f"the package has {size / 1024:.0f} KiB")

    assert size < 500_000


def _import_in_fresh_interpreter(folder: Path) -> dict[str, list[str]]:
    return dict(
        json.loads(
            _run_in_fresh_interpreter(
                folder,
                "import json, sys, function_app;"
                "names = [function.get_function_name() for function in function_app.app.get_functions()];"
                "print(json.dumps({'functions': sorted(names), 'modules': sorted(sys.modules)}))",
            )
        )
    )


def _run_in_fresh_interpreter(folder: Path, code: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def functions() -> list[str]:
    """What the repository's own app registers."""
    return _import_in_fresh_interpreter(ROOT)["functions"]


def test_package_imports_alone_and_lists_every_function(package: Path, functions: list[str]) -> None:
    seen = _import_in_fresh_interpreter(package)

    assert seen["functions"] == functions
    assert set(functions) >= FUNCTIONS
    assert "shared.intake" in seen["modules"]
    roots = {name.split(".")[0] for name in seen["modules"]}
    assert not roots & {"cli", "local", "tests", "scripts", "benchmarks"}
    late = ("azure.mgmt", "azure.monitor", "jinja2", "shared.runtime", "shared.plan", "shared.drift", "shared.firewall")
    assert not [name for name in seen["modules"] if name.startswith(late)], "cold start"


def test_package_holds_all_that_its_functions_load_when_they_run(package: Path) -> None:
    code = (
        "import importlib, pkgutil, shared;"
        "names = [found.name for found in pkgutil.walk_packages(shared.__path__, 'shared.')];"
        "[importlib.import_module(name) for name in names]; print(len(names))"
    )

    assert int(_run_in_fresh_interpreter(package, code)) > 100


@pytest.mark.azurite
async def test_package_runs_under_the_functions_host(package: Path, azurite: Azurite, functions: list[str]) -> None:
    values = json.loads((ROOT / "local.settings.json.example").read_text())["Values"]
    values["AzureWebJobsStorage"] = azurite.connection_string
    del values["SSL_CERT_FILE"]  # nothing here calls Azure
    values |= {f"AzureWebJobs.{name}.Disabled": "true" for name in ("reconcile", "sync_firewall")}

    async with HostProcess(app_dir=package, env=values) as host, aiohttp.ClientSession(host.base_url) as session:
        async with session.get("/admin/functions") as response:
            listed = sorted(function["name"] for function in await response.json())
        async with session.get("/api/health") as response:
            health = await response.json()

    assert listed == functions
    assert health["mistakes"] == []
    assert health["status"] == "healthy"

"""scripts/setup.sh on machines that lack something, and on one that lacks nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "cksum", "cmp", "dirname", "mkdir", "rm", "sleep", "tail")
FILES = (
    "scripts/setup.sh",
    "requirements.txt",
    "requirements-cli.txt",
    "requirements-dev.txt",
    "local/azurite/package.json",
)


class Machine:
    """A checkout and a path of programs that hold only what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self._programs = folder / "a checkout", folder / "bin"
        for name in FILES:
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.checkout / name)
        self._programs.mkdir()
        for tool in TOOLS:
            (self._programs / tool).symlink_to(shutil.which(tool) or tool)

    def has(self, name: str, script: str) -> None:
        """Put a program on the path."""
        self.write(self._programs / name, script)

    def write(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def is_set_up(self, pip: str = "exit 3") -> None:
        """Have a virtual environment, with this for `python -m pip`."""
        python = f'case "$*" in *"-m pip"*) {pip};; esac; exec "{sys.executable}" "$@"'
        self.write(self.checkout / ".venv" / "bin" / "python", python)
        self.write(self.checkout / ".venv" / "bin" / "pip", "")

    def set_up(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run the script; answer its exit code and everything it printed."""
        done = subprocess.run(  # noqa: S603
            [str(self.checkout / "scripts" / "setup.sh"), *arguments],
            env={"PATH": str(self._programs), "HOME": os.environ.get("HOME", "/"), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.has("node", "echo v22.1.0")
    machine.has("npm", "exit 1")
    return machine


@pytest.mark.parametrize(
    "others", [{}, {"python3": "exit 1"}, {"python3.13": "echo 'pyenv: no such command'; exit 127"}]
)
def test_missing_python_is_named_with_what_to_install(machine: Machine, others: dict[str, str]) -> None:
    for name, script in others.items():
        machine.has(name, script)

    code, said = machine.set_up()

    assert code == 1
    assert "Python 3.11 or later is missing" in said
    assert "apt-get install python3 python3-venv" in said
    assert not (machine.checkout / ".venv").exists()


def test_chosen_python_that_is_none_is_refused(machine: Machine) -> None:
    machine.has("python3", f'exec "{sys.executable}" "$@"')

    code, said = machine.set_up(PYTHON="/nowhere/python3.12")

    assert code == 1
    assert "PYTHON is /nowhere/python3.12, which is no Python 3.11 or later." in said


@pytest.mark.parametrize(
    ("version", "complaint"),
    [("v18.20.0", "Node is v18.20.0; Azurite needs 20 or later"), ("v9.9.9", "needs 20"), ("", "Node is ")],
)
def test_old_node_is_named_with_its_version(machine: Machine, version: str, complaint: str) -> None:
    machine.has("node", f"echo {version}")

    code, said = machine.set_up()

    assert code == 1
    assert complaint in said


def test_missing_node_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    code, said = machine.set_up()

    assert code == 1
    assert said.strip().startswith("node is missing")
    assert "https://nodejs.org" in said


def test_what_is_there_is_not_installed_again(machine: Machine) -> None:
    machine.is_set_up(pip="exit 0")
    azurite = machine.checkout / ".local" / "azurite"
    (azurite / "node_modules" / "azurite").mkdir(parents=True)
    (azurite / "node_modules" / "azurite" / "package.json").write_text("{}")
    shutil.copy(ROOT / "local" / "azurite" / "package.json", azurite)
    first = machine.set_up()
    machine.is_set_up(pip="exit 3")  # from now on pip cannot reach anything

    assert first[0] == 0
    assert "Installing Python packages" in first[1]
    assert machine.set_up() == (0, "")


def test_changed_requirements_are_installed(machine: Machine) -> None:
    machine.is_set_up(pip="exit 0")
    assert machine.set_up("python")[0] == 0
    with (machine.checkout / "requirements-dev.txt").open("a") as requirements:
        requirements.write("one-more\n")

    code, said = machine.set_up("python")

    assert code == 0
    assert "Installing Python packages" in said


def test_failed_installation_shows_why_and_is_tried_again(machine: Machine) -> None:
    machine.is_set_up(pip="echo 'No matching distribution'; exit 3")
    code, said = machine.set_up("python")
    machine.is_set_up(pip="exit 0")

    assert code == 1
    assert "No matching distribution" in said
    assert "the whole output is in .venv/setup.log" in said
    assert machine.set_up("python")[0] == 0


def test_python_is_enough_for_the_linters(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.is_set_up(pip="exit 0")

    assert machine.set_up("python")[0] == 0

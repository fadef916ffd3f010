"""Every shell script of infra/, as text: read by sh, looked at by shellcheck."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, ROOT
from tests.infra.programs import SH

SCRIPTS = sorted([*INFRA.rglob("*.sh"), ROOT / "scripts" / "check_infra.sh"])
READ_BY_OTHERS = {"spokes.sh", "settings.sh"}
EVERY_SCRIPT = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


@EVERY_SCRIPT
def test_script_is_read_by_sh_without_complaint(path):
    subprocess.run([SH, "-n", path], check=True)  # noqa: S603  # our own script


@EVERY_SCRIPT
def test_shellcheck_finds_nothing(path):
    command = [SHELLCHECK, "-x", path.name]
    done = subprocess.run(command, cwd=path.parent, check=False, capture_output=True, text=True)  # noqa: S603  # as above
    assert done.returncode == 0, done.stdout


@EVERY_SCRIPT
def test_script_can_be_run_and_stops_at_mistakes(path):
    if path.name not in READ_BY_OTHERS:
        assert path.stat().st_mode & 0o111
        assert path.read_text().startswith("#!/bin/sh\n")
        assert "\nset -eu\n" in path.read_text()

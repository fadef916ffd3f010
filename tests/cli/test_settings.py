"""Settings of the command line: environment, `.env` and flags, every mistake named, no value shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from local.azure.seed.contoso import HUB_VNET, MONITORING, POLICY, subscription

GIVEN = {
    "HUB_VNET_ID": HUB_VNET,
    "MONITORING_VNET_IDS": MONITORING.vnet_id,
    "FIREWALL_POLICY_ID": POLICY,
    "SPOKE_SUBSCRIPTION_IDS": subscription(1),
}


def check(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE") if name in os.environ}
    root = str(Path(__file__).parents[2])
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "cli", *arguments],
        env={**kept, "PYTHONPATH": root, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_missing_setting_is_named_with_exit_code_1(tmp_path: Path) -> None:
    ended = check("settings", "check", folder=tmp_path)
    assert ended.returncode == 1
    assert all(name in ended.stderr for name in GIVEN)


def test_settings_come_from_the_environment_the_env_file_and_flags(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in GIVEN.items() if name != "FIREWALL_POLICY_ID"]
    (tmp_path / ".env").write_text("\n".join([*lines, "MODE=nonsense"]))
    ended = check("settings", "check", "--firewall-policy-id", POLICY, folder=tmp_path, MODE="report")
    assert ended.returncode == 0, ended.stderr
    assert "FIREWALL_POLICY_ID" in ended.stdout
    assert POLICY not in ended.stdout + ended.stderr


def test_wrong_usage_is_an_error_and_never_looks_like_drift(tmp_path: Path) -> None:
    for arguments in (("plan", "--nonsense"), ("apply",), ("nonsense",)):
        assert check(*arguments, folder=tmp_path, **GIVEN).returncode == 1

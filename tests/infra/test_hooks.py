"""The hooks and the lab's scripts, with stand-ins for `az` and `curl` that write down what they are asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.infra.bicep import INFRA, ROOT, declarations

HOOKS = INFRA / "hooks"
LAB = INFRA / "lab"
SCRIPTS = sorted([*HOOKS.glob("*.sh"), *LAB.glob("*.sh"), ROOT / "scripts" / "check_infra.sh"])
EVERY_SCRIPT = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
SH = "/bin/sh"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
SPOKE = "00000000-0000-0000-0000-000000000001"
APP_ID = f"/subscriptions/{SPOKE[:-1]}9/resourceGroups/rg/providers/Microsoft.Web/sites/func"
FROM_AZD = {
    "AZURE_LOCATION": "swedencentral",
    "AZURE_RESOURCE_GROUP": "rg",
    "AZURE_FUNCTION_APP_NAME": "func",
    "AZURE_FUNCTION_APP_ID": APP_ID,
    "AZURE_FUNCTION_APP_URL": "https://func.example.org",
    "HUBLINK_APP_CLIENT_ID": "client",
    "HUBLINK_EVENT_SUBSCRIPTIONS": SPOKE,
    "HUBLINK_PAUSE_SECONDS": "0",
    "HUBLINK_ATTEMPTS": "2",
}
AZ = """#!/bin/sh
echo "az $*" >>"$CALLS"
case "$*" in
*'system-topic list'*) printf "$TOPIC" ;;
*'deployment sub create'*) exit "$DEPLOYMENT" ;;
*'functionapp keys list'*) echo the-key ;;
*'account list'*) echo 00000000-0000-0000-0000-000000000007 ;;
*'account show'*) echo tenant ;;
esac
"""
CURL = """#!/bin/sh
echo "curl $*" >>"$CALLS"
cat >>"$CALLS.stdin"
while [ "$1" != --output ]; do shift; done
echo '{"the": "answer"}' >"$2"
printf %s "$STATUS"
"""


@EVERY_SCRIPT
def test_script_is_read_by_sh_without_complaint(path):
    subprocess.run([SH, "-n", path], check=True)  # noqa: S603  # our own script


@EVERY_SCRIPT
def test_shellcheck_finds_nothing(path):
    command = [SHELLCHECK, "-x", path.name]
    done = subprocess.run(command, cwd=path.parent, check=False, capture_output=True, text=True)  # noqa: S603  # as above
    assert done.returncode == 0, done.stdout


class Stage:
    def __init__(self, folder: Path) -> None:
        for name, source in (("az", AZ), ("curl", CURL)):
            (folder / name).write_text(source)
            (folder / name).chmod(0o755)
        self.env = FROM_AZD | {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "CALLS": str(folder / "calls"),
            "TOPIC": "",
            "DEPLOYMENT": "0",
            "STATUS": "202",
        }
        self._calls = folder / "calls"

    def run(self, hook: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  # our own script
            [SH, HOOKS / f"{hook}.sh"], env=self.env | env, check=False, capture_output=True, text=True, timeout=60
        )

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()

    @property
    def secrets(self) -> str:
        return self._calls.with_suffix(".stdin").read_text()


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def deployments(stage: Stage) -> list[str]:
    return [call for call in stage.calls if "deployment sub create" in call]


def test_after_publishing_each_spoke_is_connected_and_a_backfill_started(stage):
    done = stage.run("postdeploy")
    assert done.returncode == 0, done.stderr
    (deployment,) = deployments(stage)
    assert f"--subscription {SPOKE} " in deployment
    assert "--template-file spoke.bicep" in deployment
    assert "existingTopicName= existingTopicResourceGroup=" in deployment + " "
    assert "A backfill is at work" in done.stdout
    assert stage.calls.index(deployment) < next(i for i, call in enumerate(stage.calls) if call.startswith("curl"))


def test_parameters_of_the_hooks_are_parameters_of_the_spoke_template(stage):
    stage.run("postdeploy")
    (deployment,) = deployments(stage)
    given = set(re.findall(r" (\w+)=", deployment.partition("--parameters")[2]))
    asked = {item.name: item.required for item in declarations(INFRA / "spoke.bicep") if item.kind == "param"}
    assert given <= set(asked)
    assert {name for name, required in asked.items() if required} <= given
    in_powershell = (HOOKS / "postdeploy.ps1").read_text()
    assert all(f'"{name}=' in in_powershell for name in given)


def test_an_existing_system_topic_is_used(stage):
    stage.run("postdeploy", TOPIC="their-topic\\tTheir-Group\\n")
    (deployment,) = deployments(stage)
    assert "existingTopicName=their-topic existingTopicResourceGroup=Their-Group" in deployment


def test_all_subscriptions_of_the_tenant_are_connected_when_all_are_looked_after(stage):
    stage.run("postdeploy", HUBLINK_EVENT_SUBSCRIPTIONS="*")
    assert ["--subscription 00000000-0000-0000-0000-000000000007 " in call for call in deployments(stage)] == [True]


def test_an_app_without_backfill_is_said_and_no_failure(stage):
    done = stage.run("postdeploy", STATUS="404")
    assert done.returncode == 0
    assert "no backfill (404)" in done.stdout


def test_a_backfill_that_fails_is_said_and_no_failure(stage):
    done = stage.run("postdeploy", STATUS="503")
    assert done.returncode == 0
    assert "not started (HTTP 503)" in done.stderr


def test_a_spoke_that_cannot_be_connected_fails_the_deployment_after_all_else_is_done(stage):
    done = stage.run("postdeploy", DEPLOYMENT="1", HUBLINK_EVENT_SUBSCRIPTIONS=f"{SPOKE},{SPOKE[:-1]}2")
    assert done.returncode == 1
    assert f"NOT connected for: {SPOKE} {SPOKE[:-1]}2" in done.stderr
    assert "A backfill is at work" in done.stdout


def test_the_function_key_is_on_no_command_line(stage):
    stage.run("postdeploy")
    assert "the-key" in stage.secrets
    assert not [call for call in stage.calls if "the-key" in call]


def test_missing_settings_are_named_all_at_once_before_anything_is_created(stage):
    done = stage.run("preprovision", HUB_VNET_ID="/subscriptions/x")
    assert done.returncode == 1
    assert "Not set: MONITORING_VNET_IDS FIREWALL_POLICY_ID SPOKE_SUBSCRIPTION_IDS" in done.stderr


def test_azd_runs_hooks_that_exist_for_both_shells():
    project = yaml.safe_load((ROOT / "azure.yaml").read_text())
    for hook in project["hooks"].values():
        for system, suffix in (("posix", ".sh"), ("windows", ".ps1")):
            assert (ROOT / hook[system]["run"]).suffix == suffix
            assert (ROOT / hook[system]["run"]).is_file()
    assert set(project["hooks"]) == {"preprovision", "postdeploy"}
    assert (ROOT / project["infra"]["path"] / f"{project['infra']['module']}.bicep").is_file()
    (service,) = project["services"]
    assert f"'azd-service-name': '{service}'" in (INFRA / "modules" / "app.bicep").read_text()


def test_hooks_read_only_variables_that_azd_or_an_output_sets():
    outputs = {item.name for item in declarations(INFRA / "main.bicep") if item.kind == "output"}
    ours = {"HUBLINK_ATTEMPTS", "HUBLINK_PAUSE_SECONDS", "HUBLINK_SKIP_BACKFILL", "AZURE_LOCATION"}
    for name in ("postdeploy.sh", "postdeploy.ps1"):
        read = set(re.findall(r"\b((?:AZURE|HUBLINK)_[A-Z_]+)\b", (HOOKS / name).read_text()))
        assert read - outputs - ours == set(), name


def test_the_labs_scripts_give_the_template_parameters_that_it_has():
    given = set(re.findall(r"\b([a-z]\w+)=[\"$]", (LAB / "up.sh").read_text().partition("--parameters")[2]))
    asked = {item.name for item in declarations(LAB / "main.bicep") if item.kind == "param"}
    assert given - {"name", "value"} <= asked
    assert "adminPublicKey" in given


def test_the_lab_is_tested_from_the_vm_in_spoke_2():
    script = (LAB / "test.sh").read_text()
    assert "az vm run-command invoke" in script
    assert "--name vm-monitoring" in script
    assert "get nodes" in script

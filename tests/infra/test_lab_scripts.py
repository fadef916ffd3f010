"""The lab's scripts, run for real with stand-ins for `az`."""

from __future__ import annotations

import base64
import re

import pytest

from tests.infra.bicep import INFRA, declarations, objects, properties, scope_of, text
from tests.infra.programs import Answer, Stage

LAB = INFRA / "lab"
DEPLOYMENT = "deployment sub create"
RUN_COMMAND = "vm run-command invoke"


@pytest.fixture
def stage(tmp_path):
    key = tmp_path / "key.pub"
    key.write_text("ssh-rsa AAAA")
    return Stage(
        tmp_path,
        Answer(to="account show", says="hub-subscription\n"),
        Answer(to="deployment sub show", says="a-value\n"),
        Answer(to="get-credentials", written="the-config", written_to="--file"),
        Answer(to=RUN_COMMAND, says="[stdout]\nREACHABLE\n"),
        env={"LAB_SSH_KEY": str(key), "LAB_YES": "true"},
    )


def test_lab_up_deploys_and_prints_the_settings_of_the_app(stage):
    done = stage.run("lab/up.sh")
    assert done.returncode == 0, done.stderr
    (call,) = stage.asked(DEPLOYMENT)
    assert "--subscription hub-subscription --name rg-hublink-lab-swedencentral --location swedencentral" in call
    for name in ("HUB_VNET_ID", "MONITORING_VNET_IDS", "FIREWALL_POLICY_ID", "SPOKE_SUBSCRIPTION_IDS"):
        assert f"azd env set {name} a-value" in done.stdout


def test_lab_up_gives_the_template_parameters_that_it_has(stage):
    stage.run("lab/up.sh")
    (call,) = stage.asked(DEPLOYMENT)
    given = set(re.findall(r" (\w+)=", call.partition("--parameters")[2]))
    asked = {item.name: item.required for item in declarations(LAB / "main.bicep") if item.kind == "param"}
    assert given <= set(asked)
    assert {name for name, required in asked.items() if required} <= given


def test_the_spokes_may_live_in_subscriptions_of_their_own(stage):
    stage.run("lab/up.sh", LAB_SPOKE_1_SUBSCRIPTION="one", LAB_SPOKE_3_SUBSCRIPTION="three")
    assert 'spokeSubscriptionIds=["one","hub-subscription","three"]' in stage.asked(DEPLOYMENT)[0]


def test_a_lab_in_another_region_does_not_meet_the_deployments_of_the_last(stage):
    stage.run("lab/up.sh", LAB_LOCATION="northeurope")
    assert all("--name rg-hublink-lab-northeurope " in f"{call} " for call in stage.asked("deployment sub"))
    for item in declarations(LAB / "main.bicep"):
        body = next(objects(item.body), None)
        if body is not None and scope_of(body) == "subscription":
            assert text(properties(body)["name"]).endswith("${place}"), item.name


@pytest.mark.parametrize("script", ["lab/up.sh", "lab/down.sh"])
@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_what_costs_or_destroys_is_asked_first(stage, script, typed, code):
    stage.answer(Answer(to="group exists", says="true\n", times=1))
    done = stage.run(script, typed=typed, LAB_YES="false")
    assert done.returncode == code
    assert (stage.asked(DEPLOYMENT) + stage.asked("group delete") != []) == (code == 0)


def test_lab_up_without_a_key_asks_for_one_before_anything_else(stage):
    done = stage.run("lab/up.sh", LAB_SSH_KEY="/nowhere/key.pub")
    assert done.returncode == 1
    assert "ssh-keygen" in done.stderr
    assert stage.asked(DEPLOYMENT) == []


@pytest.mark.parametrize("question", ["account show", DEPLOYMENT, "deployment sub show"])
def test_lab_up_fails_when_az_fails(stage, question):
    stage.answer(Answer(to=question, code=1))
    assert stage.run("lab/up.sh").returncode == 1


def test_lab_test_runs_kubectl_on_the_vm_in_spoke_2_against_both_other_spokes(stage):
    done = stage.run("lab/test.sh")
    assert done.returncode == 0, done.stderr
    assert [call.split()[8] for call in stage.asked("get-credentials")] == ["aks-spoke-1", "aks-spoke-3"]
    assert all("--resource-group rg-hublink-lab-monitoring --name vm-monitoring" in c for c in stage.asked(RUN_COMMAND))
    for script in stage.files:
        assert "get nodes" in script
        assert base64.b64encode(b"the-config").decode() in script
        assert "https://dl.k8s.io/release/v" in script


def test_lab_test_says_which_cluster_is_not_reachable_and_fails(stage):
    stage.answer(Answer(to=RUN_COMMAND, says="Unable to connect\n", times=1))
    done = stage.run("lab/test.sh")
    assert done.returncode == 1
    assert "aks-spoke-1 is NOT reachable" in done.stderr
    assert "aks-spoke-3 is reachable" in done.stdout


@pytest.mark.parametrize("question", ["get-credentials", RUN_COMMAND])
def test_lab_test_fails_when_az_fails(stage, question):
    stage.answer(Answer(to=question, code=1))
    assert stage.run("lab/test.sh").returncode == 1


def test_lab_down_removes_the_hub_last(stage):
    stage.answer(Answer(to="group exists", says="true\n"))
    assert stage.run("lab/down.sh").returncode == 0
    names = [call.rpartition("--name ")[2].split()[0] for call in stage.asked("group delete")]
    assert names == [f"rg-hublink-lab-{name}" for name in ("spoke-1", "monitoring", "spoke-3", "hub")]
    last_spoke = stage.calls.index(stage.asked("group wait")[2])
    assert last_spoke < stage.calls.index(stage.asked("group delete")[3])


def test_lab_down_of_a_lab_that_is_gone_deletes_nothing(stage):
    stage.answer(Answer(to="group exists", says="false\n"))
    done = stage.run("lab/down.sh")
    assert done.returncode == 0
    assert stage.asked("group delete") == []


def test_lab_down_fails_when_az_fails(stage):
    stage.answer(Answer(to="group exists", says="true\n"), Answer(to="group delete", code=1))
    assert stage.run("lab/down.sh").returncode == 1


def test_lab_down_does_not_take_an_az_that_fails_for_groups_that_are_gone(stage):
    stage.answer(Answer(to="group exists", code=1))
    done = stage.run("lab/down.sh")
    assert done.returncode == 1
    assert "The lab is gone" not in done.stdout

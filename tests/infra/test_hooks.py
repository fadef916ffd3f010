"""azd's hooks, run for real with stand-ins for `az` and `curl`."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.infra.bicep import INFRA, ROOT, declarations
from tests.infra.programs import Answer, Stage

HOOKS = INFRA / "hooks"
SPOKE = "00000000-0000-0000-0000-000000000001"
OTHER_SPOKE = "00000000-0000-0000-0000-000000000002"
APP_SUBSCRIPTION = "00000000-0000-0000-0000-000000000009"
FROM_AZD = {
    "AZURE_LOCATION": "swedencentral",
    "AZURE_SUBSCRIPTION_ID": APP_SUBSCRIPTION,
    "AZURE_RESOURCE_GROUP": "rg",
    "AZURE_FUNCTION_APP_NAME": "func",
    "AZURE_FUNCTION_APP_ID": f"/subscriptions/{APP_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Web/sites/func",
    "AZURE_FUNCTION_APP_URL": "https://func.example.org",
    "HUBLINK_APP_CLIENT_ID": "client",
    "HUBLINK_APP_PRINCIPAL_ID": "principal",
    "HUBLINK_ROLE_DEFINITION_NAME": "role",
    "HUBLINK_RESOURCE_TOKEN": "token",
    "HUBLINK_EVENT_SUBSCRIPTIONS": SPOKE,
    "HUBLINK_PAUSE_SECONDS": "0",
    "HUBLINK_ATTEMPTS": "2",
    "HUB_VNET_ID": "/subscriptions/h/hub",
    "MONITORING_VNET_IDS": "/subscriptions/m/mon",
    "FIREWALL_POLICY_ID": "/subscriptions/h/policy",
    "SPOKE_SUBSCRIPTION_IDS": SPOKE,
}
FUNCTIONS = "az rest --method get"
TOPICS = "system-topic list"
DEPLOYMENT = "deployment sub create"


def backfill(status: str) -> Answer:
    return Answer(to="curl", says=status, written='{"the": "answer"}')


@pytest.fixture
def stage(tmp_path):
    return Stage(
        tmp_path,
        Answer(to="provider show", says="Registered\n"),
        Answer(to="functionapp keys list", says="the-key\n"),
        Answer(to="get-access-token", says="the-token\n"),
        Answer(to="account show", says="tenant\n"),
        Answer(to="account list", says=f"{SPOKE}\n{OTHER_SPOKE}\n"),
        backfill("202"),
        env=FROM_AZD,
    )


# Before provisioning.


def test_missing_settings_are_named_all_at_once_before_anything_is_created(stage):
    done = stage.run("hooks/preprovision.sh", MONITORING_VNET_IDS="", FIREWALL_POLICY_ID="", SPOKE_SUBSCRIPTION_IDS="")
    assert done.returncode == 1
    assert "Not set: MONITORING_VNET_IDS FIREWALL_POLICY_ID SPOKE_SUBSCRIPTION_IDS" in done.stderr
    assert stage.calls == []


def test_a_missing_az_is_said(stage):
    stage.without("az")
    done = stage.run("hooks/preprovision.sh", PATH=str(stage.folder))
    assert done.returncode == 1
    assert "The Azure CLI (az) is missing" in done.stderr


def test_an_az_that_is_not_signed_in_is_said(stage):
    stage.answer(Answer(to="account show", code=1))
    done = stage.run("hooks/preprovision.sh")
    assert done.returncode == 1
    assert "az is not signed in" in done.stderr


def test_registered_providers_are_left_alone(stage):
    assert stage.run("hooks/preprovision.sh").returncode == 0
    assert len(stage.asked("provider show")) == 6
    assert all(f"--subscription {APP_SUBSCRIPTION} " in call for call in stage.asked("provider show"))
    assert stage.asked("provider register") == []


def test_private_networking_needs_two_more_providers(stage):
    assert stage.run("hooks/preprovision.sh", HUBLINK_PRIVATE_NETWORKING="true").returncode == 0
    assert len(stage.asked("provider show")) == 8
    assert stage.asked("--namespace Microsoft.App ")


def test_a_provider_that_is_not_registered_is_registered(stage):
    stage.answer(Answer(to="provider show --namespace Microsoft.Web", says="NotRegistered\n"))
    assert stage.run("hooks/preprovision.sh").returncode == 0
    (call,) = stage.asked("provider register")
    assert "--namespace Microsoft.Web " in call
    assert "--wait" in call


def test_providers_that_cannot_be_registered_are_named_all_at_once(stage):
    stage.answer(
        Answer(to="provider show", says="NotRegistered\n"),
        Answer(to="provider register --namespace Microsoft.Web", code=1),
        Answer(to="provider register --namespace Microsoft.Insights", code=1),
    )
    done = stage.run("hooks/preprovision.sh")
    assert done.returncode == 1
    assert f"Not registered in subscription {APP_SUBSCRIPTION}: Microsoft.Web Microsoft.Insights" in done.stderr


def test_before_azd_has_asked_for_the_subscription_no_provider_is_checked(stage):
    done = stage.run("hooks/preprovision.sh", AZURE_SUBSCRIPTION_ID="")
    assert done.returncode == 0
    assert "not checked" in done.stdout
    assert stage.asked("provider") == []


# After provisioning.


def test_the_rights_in_the_network_are_given_by_a_deployment_that_azd_does_not_know(stage):
    assert stage.run("hooks/postprovision.sh").returncode == 0
    (call,) = stage.calls
    assert f"{DEPLOYMENT} --subscription {APP_SUBSCRIPTION} --location swedencentral" in call
    assert "--name aks-hublink-network-token-swedencentral" in call
    assert "--parameters network_access.bicepparam" in call


def test_rights_that_are_not_given_at_once_are_given_at_the_second_attempt(stage):
    stage.answer(Answer(to=DEPLOYMENT, code=1, times=1))
    done = stage.run("hooks/postprovision.sh")
    assert done.returncode == 0
    assert "trying again" in done.stdout
    assert len(stage.calls) == 2


def test_rights_that_are_never_given_fail_loudly_and_say_what_to_do(stage):
    stage.answer(Answer(to=DEPLOYMENT, code=1))
    done = stage.run("hooks/postprovision.sh")
    assert done.returncode == 1
    assert len(stage.calls) == 2
    assert "NO rights in the network" in done.stderr
    assert "azd hooks run postprovision" in done.stderr


@pytest.mark.parametrize(
    "name", ["HUB_VNET_ID", "FIREWALL_POLICY_ID", "MONITORING_VNET_IDS", "HUBLINK_APP_PRINCIPAL_ID"]
)
def test_rights_are_never_given_on_the_examples_of_the_parameters_file(stage, name):
    assert stage.run("hooks/postprovision.sh", **{name: ""}).returncode != 0
    assert stage.calls == []


# After publishing.


def test_after_publishing_each_spoke_is_connected_and_a_backfill_started(stage):
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 0, done.stderr
    (deployment,) = stage.asked(DEPLOYMENT)
    assert f"--subscription {SPOKE} " in deployment
    assert "--template-file spoke.bicep" in deployment
    assert "existingTopicName= existingTopicResourceGroup=" in deployment + " "
    assert "A backfill is at work" in done.stdout
    assert stage.calls.index(deployment) < stage.calls.index(stage.asked("curl")[0])


def test_names_and_deployments_tell_environments_and_regions_apart(stage):
    stage.run("hooks/postdeploy.sh", HUBLINK_RESOURCE_TOKEN="first")
    stage_of_first = stage.asked(DEPLOYMENT)[0]
    stage.run("hooks/postdeploy.sh", HUBLINK_RESOURCE_TOKEN="second", AZURE_LOCATION="westeurope")
    (second,) = stage.asked(DEPLOYMENT)
    assert "namePrefix=aks-hublink-first " in stage_of_first
    assert "namePrefix=aks-hublink-second " in second
    assert "--name aks-hublink-events-first-swedencentral " in stage_of_first
    assert "--name aks-hublink-events-second-westeurope " in second


def test_a_resource_group_for_events_that_is_there_stays_where_it_is(stage):
    stage.answer(Answer(to="group list", says="northeurope\n"))
    stage.run("hooks/postdeploy.sh")
    (deployment,) = stage.asked(DEPLOYMENT)
    assert "--location swedencentral " in deployment
    assert " location=northeurope " in deployment


def test_parameters_of_the_hooks_are_parameters_of_the_spoke_template(stage):
    stage.run("hooks/postdeploy.sh")
    (deployment,) = stage.asked(DEPLOYMENT)
    given = set(re.findall(r" (\w+)=", deployment.partition("--parameters")[2]))
    asked = {item.name: item.required for item in declarations(INFRA / "spoke.bicep") if item.kind == "param"}
    assert given <= set(asked)
    assert {name for name, required in asked.items() if required} <= given
    in_powershell = (HOOKS / "postdeploy.ps1").read_text()
    assert all(f'"{name}=' in in_powershell for name in given)


def test_an_existing_system_topic_is_used_another_environments_too(stage):
    stage.answer(Answer(to=TOPICS, says="evgt-aks-hublink\trg-aks-hublink-events\n"))
    stage.run("hooks/postdeploy.sh")
    (deployment,) = stage.asked(DEPLOYMENT)
    assert "existingTopicName=evgt-aks-hublink existingTopicResourceGroup=rg-aks-hublink-events" in deployment


def test_functions_that_show_up_late_are_waited_for(stage):
    stage.answer(Answer(to=FUNCTIONS, code=1, times=1))
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 0
    assert "Waiting for the functions" in done.stdout
    assert len(stage.asked(FUNCTIONS)) == 2


def test_functions_that_never_show_up_fail_before_any_spoke_is_touched(stage):
    stage.answer(Answer(to=FUNCTIONS, code=1))
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 1
    assert "The functions do not show up" in done.stderr
    assert stage.asked(DEPLOYMENT) + stage.asked("curl") == []


def test_all_subscriptions_of_the_tenant_are_connected_when_all_are_looked_after(stage):
    assert stage.run("hooks/postdeploy.sh", HUBLINK_EVENT_SUBSCRIPTIONS="*").returncode == 0
    assert [call.split()[5] for call in stage.asked(DEPLOYMENT)] == [SPOKE, OTHER_SPOKE]


@pytest.mark.parametrize("question", ["account list", "account show"])
def test_subscriptions_that_az_cannot_list_are_no_success(stage, question):
    stage.answer(Answer(to=question, code=1))
    done = stage.run("hooks/postdeploy.sh", HUBLINK_EVENT_SUBSCRIPTIONS="*")
    assert done.returncode == 1
    assert stage.asked(DEPLOYMENT) + stage.asked("curl") == []


def test_no_subscription_at_all_is_no_success(stage):
    stage.answer(Answer(to="account list"))
    done = stage.run("hooks/postdeploy.sh", HUBLINK_EVENT_SUBSCRIPTIONS="*")
    assert done.returncode == 1
    assert "There is no subscription" in done.stderr


def test_a_deployment_that_fails_once_is_tried_again(stage):
    stage.answer(Answer(to=DEPLOYMENT, code=1, times=1))
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 0
    assert len(stage.asked(DEPLOYMENT)) == 2


@pytest.mark.parametrize("question", ["provider register", TOPICS, "group list", DEPLOYMENT])
def test_a_spoke_that_cannot_be_connected_fails_the_hook_after_all_else_is_done(stage, question):
    stage.answer(Answer(to=f"{question} --subscription {SPOKE}", code=1))
    stage.answer(Answer(to=f"{question} --namespace Microsoft.EventGrid --subscription {SPOKE}", code=1))
    done = stage.run("hooks/postdeploy.sh", HUBLINK_EVENT_SUBSCRIPTIONS=f"{SPOKE},{OTHER_SPOKE}")
    assert done.returncode == 1
    assert f"NOT connected for: {SPOKE}\n" in done.stderr
    assert f"--subscription {OTHER_SPOKE} " in stage.asked(DEPLOYMENT)[-1]
    assert "A backfill is at work" in done.stdout


def test_an_app_without_backfill_is_said_and_no_failure(stage):
    stage.answer(backfill("404"))
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 0
    assert "no backfill (404)" in done.stdout


def test_a_backfill_that_fails_is_said_and_no_failure(stage):
    stage.answer(backfill("500"))
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 0
    assert "not started (HTTP 500)" in done.stderr
    assert '{"the": "answer"}' in done.stderr


def test_an_app_that_does_not_answer_is_said_and_no_failure(stage):
    stage.answer(Answer(to="curl", code=28))
    done = stage.run("hooks/postdeploy.sh")
    assert done.returncode == 0
    assert "not started (HTTP 000)" in done.stderr


def test_a_backfill_is_left_out_on_request(stage):
    done = stage.run("hooks/postdeploy.sh", HUBLINK_SKIP_BACKFILL="true")
    assert done.returncode == 0
    assert stage.asked("curl") == []


def test_key_and_token_are_on_no_command_line(stage):
    stage.run("hooks/postdeploy.sh", HUBLINK_SIGN_IN_CLIENT_ID="registration")
    assert 'header = "x-functions-key: the-key"' in stage.inputs
    assert 'header = "Authorization: Bearer the-token"' in stage.inputs
    assert stage.asked("the-key") + stage.asked("the-token") == []
    assert stage.asked("--resource api://registration ")


# What azd and the hooks agree on.


def test_azd_runs_hooks_that_exist_for_both_shells():
    project = yaml.safe_load((ROOT / "azure.yaml").read_text())
    for name, hook in project["hooks"].items():
        for system, suffix in (("posix", ".sh"), ("windows", ".ps1")):
            assert hook[system]["run"] == f"infra/hooks/{name}{suffix}"
            assert (ROOT / hook[system]["run"]).is_file()
    assert set(project["hooks"]) == {"preprovision", "postprovision", "postdeploy"}
    assert (ROOT / project["infra"]["path"] / f"{project['infra']['module']}.bicep").is_file()
    (service,) = project["services"]
    assert f"'azd-service-name': '{service}'" in (INFRA / "modules" / "app.bicep").read_text()


def test_an_azd_that_would_publish_the_whole_repository_is_refused():
    project = yaml.safe_load((ROOT / "azure.yaml").read_text())
    assert project["requiredVersions"] == {"azd": ">= 1.18.0"}
    assert "1.18" in (ROOT / "docs" / "deploy.md").read_text()


def test_hooks_read_only_variables_that_azd_or_an_output_or_the_user_sets():
    outputs = {item.name for item in declarations(INFRA / "main.bicep") if item.kind == "output"}
    ours = {"HUBLINK_ATTEMPTS", "HUBLINK_PAUSE_SECONDS", "HUBLINK_SKIP_BACKFILL", "HUBLINK_PRIVATE_NETWORKING"}
    of_azd = {"AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"}
    for path in [*HOOKS.glob("*.sh"), *HOOKS.glob("*.ps1")]:
        read = set(re.findall(r"\b((?:AZURE|HUBLINK)_[A-Z_]+)\b", path.read_text()))
        assert read - outputs - ours - of_azd == set(), path.name


@pytest.mark.parametrize(
    ("in_sh", "in_powershell"),
    [
        (["preprovision.sh"], "preprovision.ps1"),
        (["postprovision.sh"], "postprovision.ps1"),
        (["postdeploy.sh", "spokes.sh"], "postdeploy.ps1"),
    ],
)
def test_both_shells_need_the_same_variables(in_sh, in_powershell):
    variable = re.compile(r"\b(?:AZURE|HUBLINK|HUB|MONITORING|FIREWALL|SPOKE)_[A-Z_]+\b")
    texts = "".join((HOOKS / name).read_text() for name in in_sh)
    assert set(variable.findall(texts)) == set(variable.findall((HOOKS / in_powershell).read_text()))

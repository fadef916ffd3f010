"""infra/remove.sh, run for real with stand-ins for `az` and `azd`."""

from __future__ import annotations

import pytest

from tests.infra.programs import Answer, Stage

SPOKE = "00000000-0000-0000-0000-000000000001"
APP_SUBSCRIPTION = "00000000-0000-0000-0000-000000000009"
OURS = "aks-hublink-token-link-dns-zone\naks-hublink-token-retire-cluster\n"
ALERT = "aks-hublink-token-DroppedEventCount"
ASSIGNMENT = "/subscriptions/hub/providers/Microsoft.Authorization/roleAssignments/1"
TOPIC = "evgt-aks-hublink\trg-aks-hublink-events\n"
GROUP = "group list"
VALUES = {
    "AZURE_FUNCTION_APP_ID": f"/subscriptions/{APP_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Web/sites/func",
    "HUBLINK_RESOURCE_TOKEN": "token",
    "HUBLINK_APP_PRINCIPAL_ID": "principal",
    "HUBLINK_ROLE_DEFINITION_NAME": "role",
    "HUBLINK_EVENT_SUBSCRIPTIONS": SPOKE,
    "HUB_VNET_ID": "/subscriptions/HUB/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/hub",
    "MONITORING_VNET_IDS": "/subscriptions/mon/x,/subscriptions/hub/y",
    "FIREWALL_POLICY_ID": "/subscriptions/policy/x",
}


@pytest.fixture
def stage(tmp_path):
    return Stage(
        tmp_path,
        *(Answer(to=f"azd env get-value {name}", says=f"{value}\n") for name, value in VALUES.items()),
        Answer(to="azd env get-value", code=1),
        Answer(to="system-topic list", says=TOPIC),
        Answer(to=GROUP, says="rg-aks-hublink-events\n"),
        Answer(to="event-subscription list", says=OURS),
        Answer(to="metrics alert list", says=f"{ALERT}\n"),
        Answer(to="role assignment list --all --subscription hub", says=f"{ASSIGNMENT}\n"),
        Answer(to="role definition list", says="aks-hublink operator env token\n"),
        env={"HUBLINK_ATTEMPTS": "2", "HUBLINK_PAUSE_SECONDS": "0"},
    )


def deletions(stage: Stage) -> list[str]:
    return [call.partition(" --")[0].removeprefix("az ") for call in stage.asked(" delete ")]


def test_events_go_first_then_topic_and_group_then_assignments_and_the_role(stage):
    done = stage.run("remove.sh", "--yes")
    assert done.returncode == 0, done.stderr
    assert deletions(stage) == [
        "eventgrid system-topic event-subscription delete",
        "eventgrid system-topic event-subscription delete",
        "monitor metrics alert delete",
        "eventgrid system-topic delete",
        "group delete",
        "role assignment delete",
        "role definition delete",
    ]
    assert done.stdout.endswith("Now the app itself: azd down --purge\n")
    assert stage.asked("azd down") == []


def test_what_will_go_is_listed_before_it_is_asked(stage):
    done = stage.run("remove.sh", typed="n\n")
    assert done.returncode == 1
    listed = done.stdout.partition("To be deleted, in this order:\n")[2]
    for name in (*OURS.split(), ALERT, "evgt-aks-hublink", ASSIGNMENT, "aks-hublink operator env token"):
        assert name in listed
    assert deletions(stage) == []


def test_nobody_there_to_answer_is_a_no(stage):
    assert stage.run("remove.sh").returncode == 1
    assert deletions(stage) == []


def test_a_yes_deletes(stage):
    assert stage.run("remove.sh", typed="y\n").returncode == 0
    assert len(deletions(stage)) == 7


def test_another_environments_event_subscriptions_keep_the_topic(stage):
    stage.answer(Answer(to="event-subscription list", says=f"{OURS}aks-hublink-other-link-dns-zone\n"))
    done = stage.run("remove.sh", "--yes")
    assert done.returncode == 0
    assert "has other event subscriptions and stays" in done.stdout
    assert stage.asked("system-topic delete") + stage.asked("group delete") == []
    assert stage.asked("aks-hublink-other") == []


def test_another_tools_topic_is_never_deleted(stage):
    stage.answer(Answer(to="system-topic list", says="theirs\tTheir-Group\n"))
    assert stage.run("remove.sh", "--yes").returncode == 0
    assert len(stage.asked("event-subscription delete")) == 2
    assert stage.asked("system-topic delete") + stage.asked("group delete") == []


def test_a_group_that_holds_something_else_stays(stage):
    stage.answer(Answer(to="resource list", says="/subscriptions/x/something\n"))
    done = stage.run("remove.sh", "--yes")
    assert "holds something else and stays" in done.stdout
    assert len(stage.asked("system-topic delete")) == 1
    assert stage.asked("group delete") == []


def test_an_empty_group_of_an_earlier_attempt_goes(stage):
    stage.answer(Answer(to="system-topic list"))
    assert stage.run("remove.sh", "--yes").returncode == 0
    assert len(stage.asked("group delete")) == 1


def test_assignments_are_looked_for_wherever_the_app_may_have_been_given_its_role(stage):
    stage.run("remove.sh", "--yes")
    asked = {call.split("--subscription ")[1].split()[0] for call in stage.asked("role assignment list")}
    assert asked == {APP_SUBSCRIPTION, SPOKE, "hub", "mon", "policy"}


def test_only_our_assignments_of_our_role_go(stage):
    stage.run("remove.sh", "--yes")
    for call in stage.asked("role assignment list"):
        assert "[?principalId=='principal' && ends_with(roleDefinitionId, 'role')].id" in call
    (call,) = stage.asked("role assignment delete")
    assert call.endswith(f"--ids {ASSIGNMENT}")


def test_a_role_that_azure_still_sees_in_use_is_tried_again(stage):
    stage.answer(Answer(to="role definition delete", code=1, times=1))
    assert stage.run("remove.sh", "--yes").returncode == 0
    assert len(stage.asked("role definition delete")) == 2


def test_what_cannot_be_deleted_fails_the_removal_after_all_else_is_deleted(stage):
    stage.answer(Answer(to="metrics alert delete", code=1))
    done = stage.run("remove.sh", "--yes")
    assert done.returncode == 1
    assert "Not everything could be deleted" in done.stderr
    assert len(deletions(stage)) == 7


@pytest.mark.parametrize(
    "question",
    [
        "system-topic list",
        GROUP,
        "event-subscription list",
        "metrics alert list",
        "resource list",
        "role assignment list",
        "role definition list",
    ],
)
def test_nothing_is_deleted_while_az_cannot_say_what_there_is(stage, question):
    stage.answer(Answer(to=question, code=1))
    assert stage.run("remove.sh", "--yes").returncode == 1
    assert deletions(stage) == []


@pytest.mark.parametrize("name", VALUES)
def test_without_a_deployed_environment_nothing_is_deleted(stage, name):
    stage.answer(Answer(to=f"azd env get-value {name}", code=1))
    done = stage.run("remove.sh", "--yes")
    assert done.returncode == 1
    assert f"{name} is not in the azd environment" in done.stderr
    assert stage.asked("az ") == []


def test_all_subscriptions_of_the_tenant_are_looked_at_when_all_were_connected(stage):
    stage.answer(
        Answer(to="get-value HUBLINK_EVENT_SUBSCRIPTIONS", says="*\n"),
        Answer(to="account list", says=f"{SPOKE}\nsecond\n"),
    )
    assert stage.run("remove.sh", "--yes").returncode == 0
    assert len(stage.asked("system-topic list")) == 2


def test_a_second_run_finds_nothing_left(stage):
    stage.answer(
        Answer(to="system-topic list"),
        Answer(to=GROUP),
        Answer(to="role assignment list"),
        Answer(to="role definition list"),
    )
    done = stage.run("remove.sh")
    assert done.returncode == 0
    assert "Nothing is left" in done.stdout
    assert deletions(stage) == []

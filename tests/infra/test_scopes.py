"""Who touches which resource group: `azd down` deletes every group that azd's own deployment has put something into."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, declarations, declared, objects, properties, text

MAIN = INFRA / "main.bicep"
NETWORK = INFRA / "network_access.bicep"


def targets(path: Path, place: str) -> Iterator[tuple[str, str]]:
    """Every resource that a template deploys, those of its modules too, and where to."""
    for item in declarations(path):
        if item.kind not in {"resource", "module"} or item.existing:
            continue
        (body,) = objects(item.body)
        scope = properties(body).get("scope")
        if item.kind == "module":
            yield from targets(path.parent / item.target, place if scope is None else text(scope))
        else:
            yield item.target.partition("@")[0], place


def test_azds_deployment_puts_nothing_into_any_group_but_the_apps_own():
    places: dict[str, set[str]] = {}
    for resource, place in targets(MAIN, "this subscription"):
        places.setdefault(place, set()).add(resource)
    assert set(places) == {"this subscription", "group", "subscription(id)"}
    assert places["this subscription"] == {
        "Microsoft.Resources/resourceGroups",
        "Microsoft.Authorization/roleDefinitions",
    }
    assert places["subscription(id)"] == {"Microsoft.Authorization/roleAssignments"}


def test_the_apps_own_group_is_one_that_this_environment_alone_has():
    group = declared(MAIN, "resource", "group")
    assert group.target.startswith("Microsoft.Resources/resourceGroups@")
    assert not group.existing
    assert text(properties(group.body)["name"]) == "rg-aks-hublink-${environmentName}"


def test_a_module_that_reaches_into_another_group_would_be_noticed(tmp_path):
    (tmp_path / "modules").mkdir()
    (tmp_path / "main.bicep").write_text("module a 'modules/a.bicep' = {\n  name: 'a'\n  scope: group\n}\n")
    (tmp_path / "modules" / "a.bicep").write_text(
        "module b 'b.bicep' = {\n  name: 'b'\n  scope: resourceGroup('hub')\n}\n"
    )
    (tmp_path / "modules" / "b.bicep").write_text("resource c 'X/y@2020-01-01' = {\n  name: 'c'\n}\n")
    assert list(targets(tmp_path / "main.bicep", "here")) == [("X/y", "resourceGroup('hub')")]


def test_what_reaches_into_the_network_gives_the_role_and_nothing_else():
    assert {resource for resource, _ in targets(NETWORK, "")} == {"Microsoft.Authorization/roleAssignments"}


@pytest.mark.parametrize(
    ("path", "name", "target"),
    [
        (MAIN, "spokeAccess", "modules/subscription_access.bicep"),
        (NETWORK, "hubAccess", "modules/vnet_access.bicep"),
        (NETWORK, "monitoringAccess", "modules/vnet_access.bicep"),
        (NETWORK, "firewallAccess", "modules/group_access.bicep"),
        (NETWORK, "furtherAccess", "modules/group_access.bicep"),
    ],
)
def test_the_role_is_given_at_spokes_hub_monitoring_vnets_and_the_firewall_policys_group(path, name, target):
    assert declared(path, "module", name).target == target


def parameters(name: str) -> dict[str, str]:
    return dict(re.findall(r"^param (\w+) = (.*)$", (INFRA / name).read_text(), re.MULTILINE))


def test_parameters_of_the_network_are_those_of_main_and_two_of_its_outputs():
    main, network = parameters("main.bicepparam"), parameters("network_access.bicepparam")
    assert set(network) == {item.name for item in declarations(NETWORK) if item.kind == "param"}
    own = {name: value for name, value in network.items() if main.get(name) != value}
    variables = re.findall(r"readEnvironmentVariable\('(\w+)'", "".join(own.values()))
    assert variables == ["HUBLINK_APP_PRINCIPAL_ID", "HUBLINK_ROLE_DEFINITION_NAME"]
    assert set(variables) <= {item.name for item in declarations(MAIN) if item.kind == "output"}


def test_the_hook_asks_for_every_variable_whose_example_must_not_be_used():
    read = dict(
        re.findall(r"readEnvironmentVariable\('(\w+)', '([^']*)'\)", (INFRA / "network_access.bicepparam").read_text())
    )
    hook = (INFRA / "hooks" / "postprovision.sh").read_text()
    assert [name for name, example in read.items() if example and f"${{{name}:?" not in hook] == []


def test_names_that_two_environments_deploy_at_one_place_differ():
    for path in (MAIN, NETWORK):
        for item in declarations(path):
            if item.kind == "module":
                (body,) = objects(item.body)
                assert text(properties(body)["name"]).endswith("${token}"), item.name
    assert declared(INFRA / "spoke.bicep", "param", "namePrefix").required

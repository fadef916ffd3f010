from __future__ import annotations

import json
import re
from pathlib import Path

import pycep
import pytest

from tests.infra.bicep import (
    FILES,
    INFRA,
    declarations,
    declared,
    objects,
    properties,
    scope_of,
    strings,
    target_scope,
    text,
    tree,
    used_names,
    walk,
)
from tests.infra.resource_types import Check, table

EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
_SCOPE_OF_FUNCTION = {"subscription": "subscription", "resourceGroup": "resourceGroup"}


@EVERY_FILE
def test_file_parses_with_two_parsers(path):
    assert not tree(path).has_error
    pycep.BicepParser().parse(text=path.read_text())


@EVERY_FILE
def test_resources_have_only_properties_that_their_type_has(path):
    check = Check(types=table())
    for resource in (item for item in declarations(path) if item.kind == "resource"):
        check.resource(resource)
    assert check.mistakes == []


def mistakes_of(tmp_path, body):
    path = tmp_path / "file.bicep"
    path.write_text(f"resource it 'Microsoft.Network/routeTables@2025-01-01' = {body}\n")
    check = Check(types=table())
    check.resource(declared(path, "resource", "it"))
    return [item.rpartition("@2025-01-01")[2] for item in check.mistakes]


@pytest.mark.parametrize(
    ("body", "mistakes"),
    [
        ("{\n  name: 'a'\n  location: 'b'\n}", []),
        ("{\n  location: 'a'\n}", [".name is missing"]),
        ("{\n  name: 'a'\n  location: 'b'\n  colour: 1\n}", [".colour does not exist"]),
        ("{\n  name: 'a'\n  location: 'b'\n  id: 'c'\n}", [".id is read-only"]),
        ("{\n  name: 1\n  location: 'b'\n}", [".name is '1', not string"]),
        ("{\n  name: 'a'\n  properties: {\n    routes: [\n      {\n        hop: 1\n      }\n    ]\n  }\n}",
         [".properties.routes.hop does not exist"]),
        ("[\n  for a in b: {\n    name: a\n    location: 'b'\n    id: 'c'\n  }\n]", [".id is read-only"]),
        ("if (a) {\n  location: 'a'\n}", [".name is missing"]),
    ],
)  # fmt: skip
def test_the_check_itself_finds_mistakes(tmp_path, body, mistakes):
    assert mistakes_of(tmp_path, body) == mistakes


@EVERY_FILE
def test_every_parameter_variable_and_existing_resource_is_used(path):
    names = [
        item.name
        for item in declarations(path)
        if item.kind in {"param", "var"} or (item.kind == "resource" and item.existing)
    ]
    assert sorted(set(names) - used_names(path)) == []


@EVERY_FILE
def test_every_parameter_and_output_is_described(path):
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(param|output) ", line):
            above = "\n".join(lines[:number]).rpartition("\n\n")[2]
            assert "@description(" in above, line


@EVERY_FILE
def test_modules_exist_and_get_the_parameters_they_ask_for_at_the_right_scope(path):
    for module in (item for item in declarations(path) if item.kind == "module"):
        target = path.parent / module.target
        assert target.is_file(), module.target
        asked = {item.name: item.required for item in declarations(target) if item.kind == "param"}
        (body,) = objects(module.body)
        given = set(properties(properties(body)["params"]))
        assert given <= set(asked), (module.name, given - set(asked))
        assert {name for name, required in asked.items() if required} <= given, module.name
        function = scope_of(body)
        if function:
            assert _SCOPE_OF_FUNCTION[function] == target_scope(target), module.name
        elif "scope" in properties(body):
            assert target_scope(target) == "resourceGroup", module.name
        else:
            assert target_scope(target) == target_scope(path), module.name


@EVERY_FILE
def test_outputs_of_modules_that_are_read_exist(path):
    modules = {item.name: path.parent / item.target for item in declarations(path) if item.kind == "module"}
    for name, output in re.findall(r"\b(\w+)(?:\[\w+\])?!?\.outputs\.(\w+)", path.read_text()):
        assert declared(modules[name], "output", output)


@EVERY_FILE
def test_conditional_modules_and_resources_are_read_with_care(path):
    conditional = {
        item.name
        for item in declarations(path)
        if item.kind in {"module", "resource"}
        and any(child.type == "if_statement" for child in item.node.named_children)
    }
    for name in conditional:
        assert not re.findall(rf"\b{name}\.(?:outputs|properties)\b", path.read_text()), name


@EVERY_FILE
def test_files_that_templates_load_are_there(path):
    for called, name in re.findall(r"\b(loadJsonContent|loadTextContent)\('([^']+)'\)", path.read_text()):
        content = (path.parent / name).read_text()
        if called == "loadJsonContent" or name.endswith(".json"):
            json.loads(content)


@EVERY_FILE
def test_nothing_is_hard_coded_that_differs_between_clouds(path):
    hosts = re.compile(
        r"management\.azure|login\.microsoft|core\.windows|azurewebsites|\.vault\.azure|database\.windows"
    )
    assert not hosts.findall(path.read_text())


@EVERY_FILE
def test_locations_are_parameters(path):
    for node in walk(tree(path)):
        if node.type == "object" and "location" in properties(node):
            value = properties(node)["location"]
            assert value.type != "string" or text(value) == "global"


@EVERY_FILE
def test_outputs_hold_no_secrets(path):
    for output in (item for item in declarations(path) if item.kind == "output"):
        assert not re.search(
            r"list\w*Keys?\(|ConnectionString|InstrumentationKey|password|secret", text(output.node), re.IGNORECASE
        )


@EVERY_FILE
def test_role_assignments_have_stable_names_and_say_whom_they_are_for(path):
    for resource in declarations(path):
        if resource.kind == "resource" and "/roleAssignments@" in resource.target and not resource.existing:
            (body,) = objects(resource.body)
            assert text(properties(body)["name"]).startswith("guid("), resource.name
            assert text(properties(properties(body)["properties"])["principalType"]) == "ServicePrincipal"


@EVERY_FILE
def test_every_skip_of_a_check_says_why(path):
    for line in path.read_text().splitlines():
        if "checkov:skip" in line:
            assert re.search(r"checkov:skip=CKV2?_AZURE_\d+: \w", line), line


def test_only_the_firewall_and_the_gateway_of_the_lab_have_public_addresses():
    found = {}
    for path in sorted((INFRA / "lab").rglob("*.bicep")):
        for item in declarations(path):
            if item.kind == "resource" and "/publicIPAddresses@" in item.target:
                found[text(properties(next(objects(item.body)))["name"])] = path.name
    assert found == {"pip-fw-hub": "hub.bicep", "pip-vpn-hub": "hub.bicep"}


def parameters_file(name: str) -> list[str]:
    return re.findall(r"^param (\w+) = ", (INFRA / name).read_text(), re.MULTILINE)


def test_the_example_parameters_are_all_parameters_of_main():
    asked = [item.name for item in declarations(INFRA / "main.bicep") if item.kind == "param"]
    assert sorted(parameters_file("main.bicepparam")) == sorted(asked)


def test_the_example_parameters_read_each_variable_once():
    names = re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text())
    assert len(names) == len(set(names)) == len(parameters_file("main.bicepparam"))


def test_resource_ids_in_the_example_parameters_are_what_the_app_accepts():
    from shared.settings import load_settings

    example = dict(
        re.findall(r"readEnvironmentVariable\('(\w+)', '([^']*)'\)", (INFRA / "main.bicepparam").read_text())
    )
    required = (
        "HUB_VNET_ID",
        "MONITORING_VNET_IDS",
        "FIREWALL_POLICY_ID",
        "SPOKE_SUBSCRIPTION_IDS",
        "MODE",
        "DRIFT_SCHEDULE",
    )
    settings = load_settings(storage_account_name="example", **{name.lower(): example[name] for name in required})
    assert settings.hub_vnet_id.name == "vnet-hub"


def test_strings_of_the_alert_queries_name_log_lines_that_the_app_writes():
    wanted = set()
    for path in (INFRA / "modules" / "alerts.bicep", INFRA / "workbook.json"):
        wanted |= set(re.findall(r'startswith \\?"([a-z ]+) \{', path.read_text()))
    code = "\n".join(path.read_text() for path in (Path(INFRA.parent) / "shared").rglob("*.py"))
    assert wanted == {"finding", "fleet swept", "action ended"}
    assert {line for line in wanted if f'"{line}"' not in code} == set()


def test_alerts_count_every_refusal_and_what_else_somebody_must_look_at():
    from shared.plan.finding import Code
    from shared.reporter import REFUSALS

    queries = "\n".join(strings(declared(INFRA / "modules" / "alerts.bicep", "var", "rules").node))
    codes = set(re.findall(r'"([A-Z_]{6,})"', queries))
    assert codes == REFUSALS | {Code.CLUSTER_UNREACHABLE, Code.FIREWALL_HOLD, Code.SWEEP_INCOMPLETE}

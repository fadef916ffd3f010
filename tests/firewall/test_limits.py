"""How full a policy is."""

import json

import pytest

from shared.firewall.limits import (
    MAX_GROUP_BYTES_BEFORE_JULY_2022,
    LimitUsage,
    body_bytes,
    limit_usage,
    network_pairs,
)

from .builders import application, collection, group, network, policy


def test_pairs_are_sources_times_destinations_summed_over_rules():
    one = network(source_addresses=("10.0.0.1", "10.0.0.2"), destination_addresses=("a", "b", "c"))
    assert network_pairs(policy(group(collection(one, network())))) == 7


def test_a_repeated_address_counts_once_and_an_ip_group_as_one():
    rule = network(source_addresses=("10.0.0.1", "10.0.0.1"), source_ip_groups=("/g/A", "/g/a"))
    assert network_pairs(policy(group(collection(rule)))) == 2


def test_the_parents_network_rules_count_and_application_rules_do_not():
    parent = policy(group(collection(network())), name="parent")
    assert network_pairs(policy(group(collection(application(fqdns=["*"]))), base=parent)) == 1


def test_bytes_are_those_of_compact_json():
    body = {"id": "not weighed", "properties": {"priority": 400, "name": "é"}}
    assert body_bytes(body) == len(b'{"priority":400,"name":"\xc3\xa9"}')


@pytest.mark.parametrize(("used", "near", "exceeded"), [(79, False, False), (80, True, False), (101, True, True)])
def test_eighty_percent_is_near(used, near, exceeded):
    usage = LimitUsage(name="x", used=used, limit=100, advice="")
    assert (usage.near, usage.exceeded) == (near, exceeded)


def test_every_limit_is_reported_with_advice():
    body = {"properties": {"priority": 400}}
    usages = limit_usage(policy(group(collection(network()))), {"ours": body})
    assert [(each.name, each.used, each.limit) for each in usages] == [
        ("source and destination pairs in network rules", 1, 20_000),
        ("rule collection groups", 1, 60),
        ("IP groups in rules", 0, 200),
        ("bytes in group ours", len(json.dumps(body["properties"], separators=(",", ":"))), 2 * 1024 * 1024),
    ]
    assert all(each.advice for each in usages)
    assert "60 or 90" in usages[1].advice


def test_an_old_policy_has_the_smaller_group():
    usages = limit_usage(policy(), {"ours": {}}, group_bytes=MAX_GROUP_BYTES_BEFORE_JULY_2022)
    assert usages[-1].limit == 1024 * 1024


@pytest.mark.parametrize(("groups", "limit"), [(48, 60), (60, 60), (61, 90), (91, 90)])
def test_more_than_60_groups_exist_only_where_azure_allows_90(groups, limit):
    usages = limit_usage(policy(*(group(name=f"g{number}") for number in range(groups))), {})
    assert (usages[1].used, usages[1].limit) == (groups, limit)
    assert usages[1].exceeded == (groups > 90)


def test_ip_groups_count_once_however_many_rules_name_them_and_the_parents_count():
    parent = policy(group(collection(network(source_ip_groups=("/g/A", "/g/b")))), name="parent")
    rules = collection(network(destination_ip_groups=("/g/a",)), application(source_ip_groups=("/g/C",)))
    usages = {usage.name: usage for usage in limit_usage(policy(group(rules), base=parent), {})}
    usage = usages["IP groups in rules"]
    assert (usage.used, usage.limit) == (3, 200)
    assert usage.advice

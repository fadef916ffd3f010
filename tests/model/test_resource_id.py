"""Resource ids: read strictly, compared without case, kept as they were written."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidResourceId
from shared.model.azure_types import ROUTE_TABLE, SUBNET, VIRTUAL_NETWORK
from shared.model.resource_id import ResourceId, is_guid
from tests import strategies
from tests.builders import SPOKE_SUBSCRIPTION

GROUP = f"/subscriptions/{SPOKE_SUBSCRIPTION}/resourceGroups/rg-net"
VNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-1"
SUBNET_TEXT = f"{VNET}/subnets/nodes"


def test_subnet_is_taken_apart():
    subnet = ResourceId.parse(SUBNET_TEXT)

    assert subnet.subscription_id == SPOKE_SUBSCRIPTION
    assert subnet.resource_group == "rg-net"
    assert subnet.provider == "Microsoft.Network"
    assert subnet.types == ("virtualNetworks", "subnets")
    assert subnet.names == ("vnet-1", "nodes")
    assert subnet.type == SUBNET
    assert subnet.name == "nodes"


def test_resource_group_is_an_id_of_its_own():
    group = ResourceId.parse(GROUP)

    assert group.type == "Microsoft.Resources/resourceGroups"
    assert group.name == group.resource_group == "rg-net"
    assert group.group == group
    assert group.parent == group


def test_text_is_kept_as_azure_wrote_it():
    text = SUBNET_TEXT.replace("resourceGroups", "resourcegroups").replace("nodes", "NODES")

    assert str(ResourceId.parse(text)) == text


def test_trailing_slash_is_dropped():
    assert str(ResourceId.parse(VNET + "/")) == VNET
    assert str(ResourceId.parse(GROUP + "/")) == GROUP


def test_casings_are_equal_and_hash_the_same():
    usual, upper = ResourceId.parse(SUBNET_TEXT), ResourceId.parse(SUBNET_TEXT.upper())

    assert usual == upper
    assert len({usual, upper, ResourceId.parse(SUBNET_TEXT.lower())}) == 1
    assert usual.is_type(SUBNET.upper())
    assert not usual.is_type(VIRTUAL_NETWORK)


def test_resource_id_is_not_equal_to_its_text():
    assert ResourceId.parse(VNET) != VNET


def test_ids_sort_without_case():
    first, second = ResourceId.parse(VNET + "/subnets/A"), ResourceId.parse(VNET + "/subnets/b")

    assert sorted([second, first]) == [first, second]


def test_parents_lead_up_to_the_group():
    subnet = ResourceId.parse(SUBNET_TEXT)

    assert subnet.parent == ResourceId.parse(VNET)
    assert subnet.parent.parent == subnet.group == ResourceId.parse(GROUP)


def test_children_and_siblings_are_built():
    vnet = ResourceId.parse(VNET)

    assert str(vnet.child("subnets", "nodes")) == SUBNET_TEXT
    assert str(vnet.resource(ROUTE_TABLE, "rt")) == f"{GROUP}/providers/Microsoft.Network/routeTables/rt"


@pytest.mark.parametrize(
    "junk",
    [
        None,
        7,
        b"/subscriptions",
        {"id": VNET},
        "",
        "/",
        "vnet-1",
        VNET.removeprefix("/"),
        "/" + VNET,
        f"/subscriptions/{SPOKE_SUBSCRIPTION}",
        f"/subscriptions/not-a-guid/resourceGroups/rg/providers/{VIRTUAL_NETWORK}/v",
        VNET.replace("subscriptions", "tenants"),
        VNET.replace("resourceGroups", "groups"),
        VNET.replace("providers", "provider"),
        VNET.replace("vnet-1", ""),
        VNET.replace("/vnet-1", ""),
        VNET.replace("/virtualNetworks/vnet-1", ""),
        VNET + "/subnets",
        VNET.replace("vnet-1", ".."),
        VNET.replace("vnet-1", "."),
        VNET.replace("vnet-1", "../../secret"),
        VNET + "/subnets/.",
        VNET.replace("vnet-1", "a b"),
        VNET.replace("vnet-1", "a%2fb"),
        VNET.replace("vnet-1", "a?api-version=1"),
        VNET.replace("vnet-1", "a#b"),
        VNET.replace("vnet-1", "a&b"),
        VNET.replace("vnet-1", "a\\b"),
        VNET.replace("vnet-1", "<script>"),
        VNET.replace("vnet-1", "a'b"),
        VNET.replace("vnet-1", 'a"b'),
        VNET.replace("vnet-1", "a\nb"),
        VNET.replace("vnet-1", "a\x00b"),
        VNET.replace("vnet-1", "a\x7fb"),
        VNET.replace("vnet-1", "a\x85b"),
        VNET.replace("vnet-1", "a\u2028b"),
        VNET.replace("vnet-1", "a\u200bb"),
        VNET.replace("vnet-1", "a\u202eb"),
        VNET.replace("vnet-1", "a\ud800b"),
        VNET.replace(SPOKE_SUBSCRIPTION, "\uff12" + SPOKE_SUBSCRIPTION[1:]),
        "x" * 1_000_000,
        VNET + "/a/b" * 250_000,
    ],
    ids=lambda junk: repr(junk)[-40:],
)
def test_junk_is_refused(junk):
    with pytest.raises(InvalidResourceId) as refused:
        ResourceId.parse(junk)

    assert len(str(refused.value)) < 200


def test_name_of_letters_beyond_ascii_is_kept():
    text = VNET.replace("rg-net", "rg-Zürich")

    assert ResourceId.parse(text).resource_group == "rg-Zürich"
    assert ResourceId.parse(text) == ResourceId.parse(text.upper())


@given(strategies.resource_ids)
def test_parse_and_print_are_inverse(resource):
    again = ResourceId.parse(str(resource))

    assert again == resource
    assert (again.types, again.names, again.provider) == (resource.types, resource.names, resource.provider)
    assert str(again) == str(resource)


@given(strategies.resource_ids, strategies.seeds)
def test_random_casing_changes_nothing_but_the_text(resource, random):
    shouted = strategies.recased(str(resource), random)

    assert ResourceId.parse(shouted) == resource
    assert hash(ResourceId.parse(shouted)) == hash(resource)
    assert ResourceId.parse(shouted).parent == resource.parent
    assert ResourceId.parse(shouted).group == resource.group


@given(strategies.resource_ids, strategies.names, strategies.names)
def test_child_has_its_parent(resource, kind, name):
    if resource.types:
        assert resource.child(kind, name).parent == resource
        assert ResourceId.parse(str(resource.child(kind, name))).name == name


@given(st.text(max_size=3000))
def test_any_text_is_an_id_or_refused(text):
    with suppress(InvalidResourceId):
        assert str(ResourceId.parse(text)) == text.rstrip("/")


@pytest.mark.parametrize(
    ("text", "answer"),
    [(SPOKE_SUBSCRIPTION, True), (SPOKE_SUBSCRIPTION.upper(), True), ("*", False), (SPOKE_SUBSCRIPTION + "0", False)],
)
def test_subscription_ids_are_guids(text, answer):
    assert is_guid(text) is answer

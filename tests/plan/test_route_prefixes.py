"""Longest prefix first: the arithmetic on prefixes against asking for every address."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.plan.route_prefixes import decides, half_of_the_internet, network_of
from tests.builders import default_route

ROOM = IPv4Network("10.0.0.0/27")
networks = st.builds(
    lambda length, at: IPv4Network((int(ROOM.network_address) + at, length), strict=False),
    st.integers(ROOM.prefixlen, 32),
    st.integers(0, ROOM.num_addresses - 1),
)


@given(networks, st.lists(networks, max_size=3), st.lists(networks, max_size=6))
def test_route_decides_where_no_longer_one_does(network, about, others):
    longer = [other for other in others if other.prefixlen > network.prefixlen]
    slow = any(
        address in network and any(address in place for place in about) and not any(address in item for item in longer)
        for address in ROOM
    )

    assert decides(network, about, others) == slow


def halves(*prefixes, firewall=()):
    away = {prefix: IPv4Network(prefix) for prefix in prefixes}
    return half_of_the_internet(away, {**away, **{prefix: IPv4Network(prefix) for prefix in firewall}})


@pytest.mark.parametrize("number", [1, 3, 4, 5, 8])
def test_however_many_routes_make_up_the_half_each_of_them_is_one(number):
    prefixes = [str(network) for network in IPv4Network("0.0.0.0/0").subnets(prefixlen_diff=3)][:number]

    assert halves(*prefixes) == (frozenset(prefixes) if number >= 4 else frozenset())


def test_default_route_of_the_table_takes_no_part():
    assert halves("0.0.0.0/1", firewall=("0.0.0.0/0",)) == {"0.0.0.0/1"}


def test_private_space_is_not_the_internet():
    assert halves("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10") == frozenset()


@pytest.mark.parametrize("prefix", ["ApiManagement", "2001:db8::/32", "", "10.0.0.0/33"])
def test_prefix_that_is_no_ipv4_network_is_none(prefix):
    assert network_of(default_route(prefix=prefix)) is None

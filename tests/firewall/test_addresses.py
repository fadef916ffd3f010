"""Sets of addresses, checked against Python's own sets."""

from ipaddress import IPv4Address, IPv4Network, collapse_addresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.firewall.addresses import EVERYWHERE, NOWHERE, AddressSet, parse_addresses

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair))), max_size=5)


def members(spans):
    return {each for first, last in spans for each in range(first, last + 1)}


@settings(max_examples=150, deadline=None)
@given(spans, spans)
def test_set_arithmetic_is_that_of_sets(one, other):
    left, right = AddressSet.of(one), AddressSet.of(other)
    assert members((left | right).spans) == members(one) | members(other)
    assert members((left & right).spans) == members(one) & members(other)
    assert members((left - right).spans) == members(one) - members(other)
    if members(one):
        assert left.ends == (min(members(one)), max(members(one)))
    assert {each for each in range(45) if each in left} == members(one)
    assert (left == right) == (members(one) == members(other))
    expected = collapse_addresses(IPv4Network(each) for each in members(one))
    assert left.networks() == tuple(expected)


def test_everything_is_one_network():
    assert EVERYWHERE.networks() == (IPv4Network("0.0.0.0/0"),)
    assert NOWHERE.networks() == ()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10.0.0.4", "10.0.0.4", "10.0.0.4"),
        (" 10.0.0.4 ", "10.0.0.4", "10.0.0.4"),
        ("10.0.0.0/24", "10.0.0.0", "10.0.0.255"),
        ("10.0.0.9/24", "10.0.0.0", "10.0.0.255"),
        ("10.0.0.250-10.0.1.5", "10.0.0.250", "10.0.1.5"),
        ("*", str(IPv4Address(0)), "255.255.255.255"),
    ],
)
def test_addresses_networks_ranges_and_the_wildcard_are_read(text, first, last):
    assert parse_addresses(text) == AddressSet(spans=((int(IPv4Address(first)), int(IPv4Address(last))),))


@pytest.mark.parametrize("text", ["AzureCloud", "Storage.WestEurope", "10.0.0.9-10.0.0.1", "a-b", "1-2-3", "", "fe:x"])
def test_what_is_not_an_address_is_unknown(text):
    assert parse_addresses(text) is None


@pytest.mark.parametrize("text", ["fd00::1", "fd00::/64", "fd00::1-fd00::9"])
def test_an_ipv6_term_holds_no_ipv4_address(text):
    assert parse_addresses(text) == NOWHERE

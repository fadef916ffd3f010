"""Whether the firewall puts its own address in the place of the client's (SNAT).

Application rules always do. Network rules do for destinations outside of the policy's private ranges, by default those
of RFC 1918 and RFC 6598; 255.255.255.255/32 alone means always, 0.0.0.0/0 never. The address is then one of the
firewall's in AzureFirewallSubnet (https://learn.microsoft.com/azure/firewall/snat-private-range).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from shared.firewall.addresses import AddressSet, parse_addresses
from shared.firewall.policy import FirewallPolicy
from shared.firewall.selectors import Truth
from shared.reachability.routes import DROPPED

DEFAULT = ("IANAPrivateRanges",)


def translates(policy: FirewallPolicy, destination: IPv4Address) -> Truth:
    """Whether network rules of a policy translate connections to a destination.

    It is not documented whether a policy without ranges takes those of its parent; the answer is certain if both give
    the same. What a route server tells is not in Resource Manager, and can only make more ranges private.
    """
    given = [each.snat_private_ranges for each in policy.lineage() if each.snat_private_ranges is not None]
    ranges = [policy.snat_private_ranges] if policy.snat_private_ranges is not None else [DEFAULT, *given]
    found = {_is_outside(each, destination) for each in ranges}
    truth = found.pop() if len(found) == 1 else Truth.MAYBE
    learns = any(each.learns_private_ranges for each in policy.lineage())
    return min(truth, Truth.MAYBE) if learns else truth


def _is_outside(ranges: Iterable[str], destination: IPv4Address) -> Truth:
    found = [_addresses(text) for text in ranges]
    if any(int(destination) in each for known in found if known for each in known):
        return Truth.NO
    return Truth.MAYBE if None in found else Truth.YES


def _addresses(text: str) -> list[AddressSet] | None:
    if text.strip().casefold() == DEFAULT[0].casefold():
        return [AddressSet.covering(network) for network in DROPPED]
    known = parse_addresses(text)
    return None if known is None else [known]

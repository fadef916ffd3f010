"""Private addresses of a subnet: who has which, and which were given back."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Set

from local.azure.azure import Azure
from local.azure.errors import invalid, network_not_found
from local.azure.store import Resource
from local.azure.virtual_networks.common import SUBNET, prefixes_of

RESERVED = 4
"""Azure keeps the first four addresses of a subnet and the last one."""


def allocate_address(azure: Azure, subnet_id: str, *, avoid: Set[str] = frozenset(), owner: str = "") -> str:
    """Take the first free address of a subnet, from .4 on, for `owner` (the id of an IP configuration).

    An address that was released stays unused until the others are taken: a private endpoint that is made again
    comes back with another one. Raises 400 SubnetIsFull.
    """
    subnet = _subnet(azure, subnet_id)
    taken, released = allocated(subnet), _released(subnet)
    for used in (set(taken) | set(released) | avoid, set(taken) | avoid):
        for address in _usable(subnet):
            if address not in used:
                taken[address] = owner
                return address
    shown = prefixes_of(subnet)[0]
    message = f"Subnet {subnet.name} with address prefix {shown} does not have enough capacity for 1 IP addresses."
    raise invalid("SubnetIsFull", message)


def claim_address(azure: Azure, subnet_id: str, address: str, *, owner: str) -> str:
    """Take one wished-for address; 400 when it is outside the subnet, reserved, or taken."""
    subnet = _subnet(azure, subnet_id)
    wanted = ipaddress.ip_address(address)
    if not any(wanted in prefix for prefix in prefixes_of(subnet)):
        message = f"IP address {address} does not belong to the range of subnet {subnet.id}."
        raise invalid("PrivateIPAddressNotInSubnet", message)
    if allocated(subnet).get(address, owner) != owner:
        message = f"IP configuration {owner} is using the private IP address {address} which is already allocated."
        raise invalid("PrivateIPAddressIsAllocated", message)
    if address not in set(_usable(subnet)):
        raise invalid(
            "PrivateIPAddressInReservedRange", f"Private static IP address {address} falls within reserved IP range."
        )
    allocated(subnet)[address] = owner
    return address


def release_address(azure: Azure, subnet_id: str, address: str) -> None:
    """Give an address back. A subnet that is gone is no error."""
    subnet = azure.store.get(subnet_id)
    if subnet is None:
        return
    if address in allocated(subnet):
        del allocated(subnet)[address]
        released = _released(subnet)
        if address in released:
            released.remove(address)
        released.append(address)


def allocated(subnet: Resource) -> dict[str, str]:
    """Addresses in use, each with the id of its IP configuration ("" when nobody said)."""
    found: dict[str, str] = subnet.hidden.setdefault("addresses", {})
    return found


def in_use(azure: Azure, subnet: Resource) -> dict[str, str]:
    """The addresses whose owner still exists: deleting a resource group takes owners away without a word."""
    return {
        address: owner
        for address, owner in allocated(subnet).items()
        if not owner or azure.store.get(owner.rsplit("/", 2)[0]) is not None
    }


def _released(subnet: Resource) -> list[str]:
    found: list[str] = subnet.hidden.setdefault("released", [])
    return found


def _usable(subnet: Resource) -> Iterator[str]:
    for prefix in prefixes_of(subnet):
        if prefix.version == 4:
            for offset in range(RESERVED, prefix.num_addresses - 1):
                yield str(prefix[offset])


def _subnet(azure: Azure, subnet_id: str) -> Resource:
    found = azure.store.get(subnet_id)
    if found is None or found.type != SUBNET:
        raise network_not_found(subnet_id)
    return found

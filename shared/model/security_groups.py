"""Network security groups as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.resource_id import ResourceId


@dataclass(frozen=True, kw_only=True)
class SecurityRule:
    """A rule of a network security group. Addresses are prefixes, `*` or service tags; ports `*`, `443`, `80-90`.

    `by_application_group`: the rule names application security groups, whose members are not known.
    """

    name: str
    priority: int
    outbound: bool
    allow: bool
    protocol: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    destination_ports: tuple[str, ...]
    source_ports: tuple[str, ...] = ("*",)
    by_application_group: bool = False


@dataclass(frozen=True, kw_only=True)
class SecurityGroup:
    """A network security group with the rules that people wrote; Azure's default rules are the same everywhere."""

    id: ResourceId
    rules: tuple[SecurityRule, ...] = ()

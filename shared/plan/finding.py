"""Findings: what is wrong, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.model.resource_id import ResourceId


class Severity(StrEnum):
    """How much a finding matters for reaching the API server."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Code(StrEnum):
    """Stable codes of all findings. docs/findings.md explains each."""

    ADDRESS_MISMATCH = "ADDRESS_MISMATCH"
    ADDRESS_OUTSIDE_VNET = "ADDRESS_OUTSIDE_VNET"
    API_SERVER_CHANGED = "API_SERVER_CHANGED"
    API_SERVER_LEFT_OVER = "API_SERVER_LEFT_OVER"
    API_SERVER_NOT_REGISTERED = "API_SERVER_NOT_REGISTERED"
    CHANGE_FAILED = "CHANGE_FAILED"
    CLUSTER_NOT_READY = "CLUSTER_NOT_READY"
    CLUSTER_RIGHTS_MISSING = "CLUSTER_RIGHTS_MISSING"
    CLUSTER_UNREACHABLE = "CLUSTER_UNREACHABLE"
    FIREWALL_ADDRESS_UNKNOWN = "FIREWALL_ADDRESS_UNKNOWN"
    FIREWALL_DNS_PROXY_NEEDED = "FIREWALL_DNS_PROXY_NEEDED"
    FIREWALL_DNS_PROXY_OFF = "FIREWALL_DNS_PROXY_OFF"
    FIREWALL_EGRESS_MISSING = "FIREWALL_EGRESS_MISSING"
    FIREWALL_GROUP_EDITED = "FIREWALL_GROUP_EDITED"
    FIREWALL_GROUP_FOREIGN = "FIREWALL_GROUP_FOREIGN"
    FIREWALL_HOLD = "FIREWALL_HOLD"
    FIREWALL_PRIORITY_TAKEN = "FIREWALL_PRIORITY_TAKEN"
    FIREWALL_RULES_DIFFER = "FIREWALL_RULES_DIFFER"
    FIREWALL_RULE_SHADOWED = "FIREWALL_RULE_SHADOWED"
    KUBENET_WITHOUT_ROUTE_TABLE = "KUBENET_WITHOUT_ROUTE_TABLE"
    LIMIT_NEAR = "LIMIT_NEAR"
    LINK_BROKEN = "LINK_BROKEN"
    LINK_FOREIGN_BROKEN = "LINK_FOREIGN_BROKEN"
    LINK_LEFT_OVER = "LINK_LEFT_OVER"
    LINK_MISSING = "LINK_MISSING"
    MONITORING_PATH_MISSING = "MONITORING_PATH_MISSING"
    NODE_GROUP_LOCKED = "NODE_GROUP_LOCKED"
    OUTBOUND_TYPE_NOT_ROUTED = "OUTBOUND_TYPE_NOT_ROUTED"
    PEERING_NO_FORWARDED_TRAFFIC = "PEERING_NO_FORWARDED_TRAFFIC"
    PEERING_OUT_OF_SYNC = "PEERING_OUT_OF_SYNC"
    PLAN_TOO_LARGE = "PLAN_TOO_LARGE"
    PLAN_UNSAFE = "PLAN_UNSAFE"
    RIGHTS_MISSING = "RIGHTS_MISSING"
    ROUTE_BLACK_HOLE = "ROUTE_BLACK_HOLE"
    ROUTE_BYPASSES_FIREWALL = "ROUTE_BYPASSES_FIREWALL"
    ROUTE_FOREIGN_NEXT_HOP = "ROUTE_FOREIGN_NEXT_HOP"
    ROUTE_MISSING = "ROUTE_MISSING"
    ROUTE_TABLE_CHANGED = "ROUTE_TABLE_CHANGED"
    ROUTE_TABLE_MISSING = "ROUTE_TABLE_MISSING"
    ROUTE_WRONG = "ROUTE_WRONG"
    SUBNET_NOT_ROUTED = "SUBNET_NOT_ROUTED"
    SUBSCRIPTION_NOT_ALLOWED = "SUBSCRIPTION_NOT_ALLOWED"
    SWEEP_INCOMPLETE = "SWEEP_INCOMPLETE"
    VNET_NOT_PEERED = "VNET_NOT_PEERED"
    ZONE_NOT_AKS = "ZONE_NOT_AKS"
    ZONE_NOT_TRUSTED = "ZONE_NOT_TRUSTED"
    ZONE_OVERLAPPING = "ZONE_OVERLAPPING"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    `repaired` says whether the same plan mends it; `fix` tells a human what to do otherwise.
    """

    code: Code
    severity: Severity
    resource: ResourceId
    message: str
    fix: str = ""
    cluster: ResourceId | None = None
    repaired: bool = False

    @property
    def sort_key(self) -> tuple[str, str, str, str]:
        """Findings are listed by resource, then code."""
        return (self.resource.key, self.code, self.message, self.cluster.key if self.cluster else "")

"""The names of what we create: readable, lower-case, and never the same for two different things."""

from __future__ import annotations

import hashlib
import re

from shared.model.resource_id import ResourceId

DEFAULT_ROUTE_NAME = "aks-hublink-default"
_LINK_LIMIT = 80


def short_hash(resource: ResourceId, length: int = 8) -> str:
    """A few hex digits that stand for a resource id, whatever its case."""
    return hashlib.sha256(resource.key.encode()).hexdigest()[:length]


def slug(text: str, limit: int) -> str:
    """Lower-case letters, digits and single hyphens, at most `limit` long."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].strip("-")


def link_name(vnet: ResourceId) -> str:
    """The name of our link to a VNet.

    The VNet's name makes it readable, the hash of its id keeps two VNets of one name apart. Lower case, because
    private DNS answers link names in lower case.
    """
    return f"aks-hublink-{slug(vnet.name, _LINK_LIMIT - 21)}-{short_hash(vnet)}"


def route_table_name(subscription_id: str, location: str) -> str:
    """The name of our route table of a subscription and region."""
    return f"rt-aks-hublink-{slug(location, 40)}-{subscription_id[:8].lower()}"


def rule_name(cluster: ResourceId) -> str:
    """The name of a cluster's firewall rule, as it shows in the firewall's logs."""
    return f"aks-{slug(cluster.name, 63)}-{short_hash(cluster)}"

"""How a cluster's API server can be reached, as `apiServerAccessProfile` says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ApiAccess:
    """A cluster's `apiServerAccessProfile`. `zone` is `system`, `none` or the id of a zone of the owner's."""

    private: bool
    zone: str
    public_fqdn: bool
    vnet_integration: bool
    subnet: str | None

    @property
    def own_zone(self) -> bool:
        """Whether the zone was brought by the owner."""
        return self.zone.startswith("/")

    @property
    def endpoint(self) -> bool:
        """Whether the API server is entered through a private endpoint."""
        return self.private and not self.vnet_integration

    @property
    def has_zone(self) -> bool:
        """Whether the API server has a name in a private zone."""
        return self.private and self.zone != "none"


def api_access(properties: dict[str, Any]) -> ApiAccess:
    """The access profile in a cluster's properties, with AKS's defaults."""
    profile = properties.get("apiServerAccessProfile") or {}
    zone = str(profile.get("privateDNSZone") or "system")
    public = profile.get("enablePrivateClusterPublicFQDN")
    return ApiAccess(
        private=bool(profile.get("enablePrivateCluster")),
        zone=zone if zone.startswith("/") else zone.lower(),
        public_fqdn=True if public is None else bool(public),
        vnet_integration=bool(profile.get("enableVnetIntegration")),
        subnet=profile.get("subnetId"),
    )


def access_profile(access: ApiAccess, given: dict[str, Any]) -> dict[str, Any]:
    """The profile as AKS reads it back: `system` is spelt out, a zone of the owner's is its id."""
    profile = dict(given)
    if access.private:
        profile |= {
            "enablePrivateCluster": True,
            "privateDNSZone": access.zone,
            "enablePrivateClusterPublicFQDN": access.public_fqdn,
        }
    return {key: value for key, value in profile.items() if value is not None}

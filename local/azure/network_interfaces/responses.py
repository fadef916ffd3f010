"""HTTP shapes of network interfaces."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest, ArmResponse
from local.azure.network import checks, writes
from local.azure.network_interfaces import models
from local.azure.store import Resource

_AFTER = {
    "vnetEncryptionSupported": False,
    "disableTcpStateTracking": False,
    "hostedWorkloads": [],
    "tapConfigurations": [],
    "nicType": "Standard",
    "allowPort25Out": True,
    "defaultOutboundConnectivityEnabled": False,
    "auxiliaryMode": "None",
    "auxiliarySku": "None",
}


def nic_body(_azure: Azure, nic: Resource) -> dict[str, Any]:
    """A network interface as GET answers it."""
    kept = nic.snapshot()["properties"]
    dns = kept.pop("dnsSettings", {})
    properties: dict[str, Any] = {
        "provisioningState": kept.pop("provisioningState"),
        "resourceGuid": kept.pop("resourceGuid"),
        "ipConfigurations": [_configuration(nic, item) for item in kept.pop("ipConfigurations")],
        "dnsSettings": {
            "dnsServers": dns.get("dnsServers", []),
            "appliedDnsServers": dns.get("dnsServers", []),
            "internalDomainNameSuffix": models.dns_suffix(nic),
        },
        "enableAcceleratedNetworking": kept.pop("enableAcceleratedNetworking", False),
        "enableIPForwarding": kept.pop("enableIPForwarding", False),
        **_AFTER,
        **kept,
    }
    whole = writes.top_level(nic, properties, kind="Regular")
    # Recorded order: properties before type and location, unlike other network resources.
    return {
        key: whole[key]
        for key in ("name", "id", "etag", "properties", "type", "location", "kind", "tags")
        if key in whole
    }


def _configuration(nic: Resource, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": item["name"],
        "id": f"{nic.id}/ipConfigurations/{item['name']}",
        "etag": nic.etag,
        "type": f"{models.NIC}/ipConfigurations",
        "properties": {"provisioningState": "Succeeded", **item["properties"]},
    }


def get_nic(azure: Azure, request: ArmRequest) -> ArmResponse:
    """One network interface."""
    return writes.read(azure, writes.get(azure, request, models.NIC), nic_body)


def list_nics(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Network interfaces of a resource group or a subscription."""
    return writes.listed(azure, request, models.NIC, nic_body)


def put_nic(azure: Azure, request: ArmRequest) -> ArmResponse:
    """Create (201) or replace (200), at once."""
    nic, new = models.put_nic(azure, request)
    return writes.written(azure, nic, nic_body, None, status=201 if new else 200)


def delete_nic(azure: Azure, request: ArmRequest) -> ArmResponse:
    """200 with the headers of an operation, or 204 when there is nothing to delete."""
    nic = azure.store.get(request.path.rstrip("/"))
    if nic is None:
        return ArmResponse(status=204, event=False)
    checks.check_etag(request, nic.id, nic)
    return ArmResponse(status=200, operation=models.delete_nic(azure, nic, request))

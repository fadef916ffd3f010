"""Rules of load balancers, as far as frontends go; the rest of the body is kept as it comes."""

from __future__ import annotations

from typing import Any

from local.azure.azure import Azure
from local.azure.http import ArmRequest
from local.azure.network import checks, ip_configurations, writes
from local.azure.operations import Operation
from local.azure.rbac import Principal
from local.azure.store import Resource

BALANCER = "Microsoft.Network/loadBalancers"
FRONTENDS = "frontendIPConfigurations"
PARTS = ("backendAddressPools", "loadBalancingRules", "probes", "inboundNatRules", "outboundRules", "inboundNatPools")
KINDS: checks.Kinds = {FRONTENDS: list, **dict.fromkeys(PARTS, list)}
READ_ONLY = ("provisioningState", "resourceGuid")


def put_balancer(azure: Azure, request: ArmRequest) -> tuple[Resource, Operation, bool]:
    """Create or replace a load balancer. The answer says Succeeded at once, with operation headers (recorded)."""
    balancer_id = request.path.rstrip("/")
    existing = azure.store.get(balancer_id)
    body = checks.body_of(request)
    checks.check_name(balancer_id.rsplit("/", 1)[-1])
    checks.check_location(body, existing)
    checks.check_etag(request, balancer_id, existing)
    checks.expect(body["properties"], KINDS, "properties")
    items = body["properties"].get(FRONTENDS, [])
    ip_configurations.check_items(azure, balancer_id, items, f"properties.{FRONTENDS}", request.principal)
    balancer = existing or Resource(id=balancer_id, type=BALANCER, body={"location": body["location"]})
    balancer.body["tags"] = body.get("tags", {})
    balancer.body["sku"] = {"name": "Standard", "tier": "Regional", **body.get("sku", {})}
    _fill(azure, balancer, checks.without(body["properties"], READ_ONLY), items)
    azure.store.put(balancer)
    operation = writes.begin(
        azure,
        balancer,
        "PutLoadBalancerOperation",
        0.0,
        location=balancer.body["location"],
        api_version=request.api_version,
    )
    return balancer, operation, existing is None


def _fill(azure: Azure, balancer: Resource, wanted: dict[str, Any], items: list[dict[str, Any]]) -> None:
    before = balancer.properties.get(FRONTENDS, [])
    addresses = ip_configurations.addresses_by_name(before)
    placed = [_frontend(azure, balancer.id, item, addresses) for item in items]
    ip_configurations.release_dropped(azure, before, placed)
    balancer.body["properties"] = {
        "provisioningState": "Succeeded",
        "resourceGuid": writes.guid(balancer.id),
        **wanted,
        FRONTENDS: placed,
    }
    balancer.touch()


def _frontend(azure: Azure, balancer_id: str, item: dict[str, Any], before: dict[str, str]) -> dict[str, Any]:
    properties = ip_configurations.place(azure, balancer_id, FRONTENDS, item, before)
    properties.setdefault("privateIPAllocationMethod", "Dynamic")
    return {
        **checks.without(item, ("etag", "type", "id")),
        "properties": checks.without(properties, ("provisioningState",)),
    }


def create_internal(
    azure: Azure, *, group_id: str, name: str, subnet_id: str, principal: Principal, location: str
) -> Resource:
    """An internal load balancer with one frontend and an address from the subnet, as AKS makes it."""
    balancer = Resource(id=f"{group_id}/providers/{BALANCER}/{name}", type=BALANCER, body={"location": location})
    balancer.body["tags"] = {}
    balancer.body["sku"] = {"name": "Standard", "tier": "Regional"}
    item = {"name": f"{name}-frontend", "properties": {"subnet": {"id": subnet_id}, "privateIPAddressVersion": "IPv4"}}
    _fill(azure, balancer, {}, [item])
    azure.store.put(balancer)
    azure.record_write(balancer.id, f"{BALANCER}/write", principal)
    return balancer


def delete_internal(azure: Azure, balancer: Resource, principal: Principal) -> None:
    """Delete a load balancer outside of a request and give its addresses back."""
    _remove(azure, balancer)
    azure.record_write(balancer.id, f"{BALANCER}/delete", principal, kind="Delete")


def address_of(balancer: Resource) -> str:
    """The private address of the first frontend."""
    address: str = balancer.properties[FRONTENDS][0]["properties"]["privateIPAddress"]
    return address


def delete_balancer(azure: Azure, balancer: Resource, request: ArmRequest) -> Operation:
    """Delete a load balancer: gone at once, the operation ends with the next look."""
    _remove(azure, balancer)
    return writes.begin(
        azure,
        balancer,
        "DeleteLoadBalancerOperation",
        0.0,
        location=balancer.body["location"],
        api_version=request.api_version,
    )


def _remove(azure: Azure, balancer: Resource) -> None:
    ip_configurations.release_all(azure, balancer.properties[FRONTENDS])
    azure.store.remove(balancer.id)

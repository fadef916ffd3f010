"""The wire bodies of clusters and node pools: what AKS adds to what the caller sent."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from local.azure.managed_clusters.access import ApiAccess, access_profile, api_access
from local.azure.rbac import TENANT_ID

CLUSTER = "Microsoft.ContainerService/ManagedClusters"
PROVIDER = "Microsoft.ContainerService/managedClusters"
POOL = "Microsoft.ContainerService/managedClusters/agentPools"
_VERSION, _PATCH = "1.34", "1.34.2"
_NAMESPACE = uuid.UUID("ac5c1a57-0000-4000-8000-000000000000")
_MAX_PODS = {"overlay": 250, "kubenet": 110}


def stable_guid(seed: str) -> str:
    """A GUID that is the same in every run for the same seed."""
    return str(uuid.uuid5(_NAMESPACE, seed.lower()))


def _hash(seed: str) -> str:
    return hashlib.sha256(seed.lower().encode()).hexdigest()[:8]


def merge(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """`given` laid over `base`, object by object; a null leaves the base as it is."""
    merged = dict(base)
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        elif value is not None:
            merged[key] = value
    return merged


def new_cluster(cluster_id: str, body: dict[str, Any], *, birth: int) -> dict[str, Any]:
    """The body of a cluster being created. `birth` tells clusters apart that had the same id one after the other."""
    sent = body.get("properties") or {}
    location = body["location"]
    network = network_profile(sent.get("networkProfile") or {})
    _, _, _, _, group, *_, name = cluster_id.split("/")
    defaults: dict[str, Any] = {
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "kubernetesVersion": _VERSION,
        "currentKubernetesVersion": _PATCH,
        **host_names(cluster_id, location, sent, birth=birth),
        "agentPoolProfiles": [],
        "servicePrincipalProfile": {"clientId": "msi"},
        "nodeResourceGroup": f"MC_{group}_{name}_{location}"[:80],
        "enableRBAC": True,
        "supportPlan": "KubernetesOfficial",
        "networkProfile": network,
        "maxAgentPools": 100,
        "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
        "securityProfile": {},
        "storageProfile": {
            "diskCSIDriver": {"enabled": True},
            "fileCSIDriver": {"enabled": True},
            "snapshotController": {"enabled": True},
        },
        "oidcIssuerProfile": {"enabled": False},
        "workloadAutoScalerProfile": {},
        "resourceUID": hashlib.sha256(f"{cluster_id}#{birth}".lower().encode()).hexdigest()[:24],
        "metricsProfile": {"costAnalysis": {"enabled": False}},
    }
    properties = merge(defaults, {**sent, "networkProfile": network})
    properties["agentPoolProfiles"] = [new_pool(pool, network) for pool in sent["agentPoolProfiles"]]
    given = sent.get("apiServerAccessProfile")
    if given:
        properties["apiServerAccessProfile"] = access_profile(api_access(sent), given)
    return envelope(cluster_id, body, properties)


def envelope(cluster_id: str, body: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """The resource around the properties, in the order AKS writes it."""
    resource: dict[str, Any] = {
        "id": cluster_id,
        "location": body["location"],
        "name": cluster_id.rsplit("/", 1)[-1],
        **({"tags": body["tags"]} if body.get("tags") else {}),
        "type": CLUSTER,
        "properties": properties,
    }
    if body.get("identity"):
        resource["identity"] = identity(cluster_id, body["identity"])
    return {**resource, "sku": body.get("sku") or {"name": "Base", "tier": "Free"}}


def host_names(cluster_id: str, location: str, sent: dict[str, Any], *, birth: int) -> dict[str, Any]:
    """The names of the API server. AKS tells them in its first answer, before the zone exists."""
    access = api_access(sent)
    prefix = sent.get("dnsPrefix") or sent.get("fqdnSubdomain") or ""
    stem, seed = prefix.lower(), f"{cluster_id}#{birth}"
    public = f"{stem}-{_hash(seed + 'public')}"
    names: dict[str, Any] = {"dnsPrefix": sent["dnsPrefix"]} if sent.get("dnsPrefix") else {}
    if sent.get("fqdnSubdomain"):
        names["fqdnSubdomain"] = sent["fqdnSubdomain"]
    if not access.private or access.public_fqdn:
        names["fqdn"] = f"{public}.hcp.{location}.azmk8s.io"
    if not access.private:
        return {**names, "azurePortalFQDN": f"{public}.portal.hcp.{location}.azmk8s.io"}
    guid = stable_guid(seed)
    if access.has_zone:
        label = stem if sent.get("fqdnSubdomain") else f"{stem}-{_hash(seed + 'private')}"
        names["privateFQDN"] = f"{label}.{zone_name(access, guid, location)}"
    return {**names, "azurePortalFQDN": f"{guid}-priv.portal.hcp.{location}.azmk8s.io"}


def zone_name(access: ApiAccess, guid: str, location: str) -> str:
    """The zone that holds the private name: the owner's, or AKS's own in the node resource group."""
    if access.own_zone:
        return access.zone.rsplit("/", 1)[-1]
    kind = "private" if access.vnet_integration else "privatelink"
    return f"{guid}.{kind}.{location}.azmk8s.io"


def network_profile(given: dict[str, Any]) -> dict[str, Any]:
    """The network profile with AKS's defaults. Plugin and outbound type are open enums: unknown values stay."""
    plugin = given.get("networkPlugin") or "azure"
    mode = given.get("networkPluginMode") or (None if given.get("networkPlugin") else "overlay")
    profile: dict[str, Any] = {"networkPlugin": plugin}
    if mode:
        profile["networkPluginMode"] = mode
    profile |= {"networkPolicy": "none", "networkDataplane": "azure", "loadBalancerSku": "standard"}
    outbound = given.get("outboundType") or "loadBalancer"
    if outbound == "loadBalancer":
        profile["loadBalancerProfile"] = {
            "managedOutboundIPs": {"count": 1},
            "backendPoolType": "nodeIPConfiguration",
        }
    if plugin == "kubenet" or mode == "overlay":
        profile["podCidr"] = "10.244.0.0/16"
    profile |= {"serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10", "outboundType": outbound}
    profile = merge(profile, given)
    if profile.get("podCidr"):
        profile.setdefault("podCidrs", [profile["podCidr"]])
    profile.setdefault("serviceCidrs", [profile["serviceCidr"]])
    profile.setdefault("ipFamilies", ["IPv4"])
    return profile


def new_pool(given: dict[str, Any], network: dict[str, Any]) -> dict[str, Any]:
    """A node pool with AKS's defaults."""
    kind = network.get("networkPluginMode") or network["networkPlugin"]
    defaults = {
        "name": given["name"],
        "count": 3,
        "vmSize": "Standard_D4ds_v5",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": _MAX_PODS.get(kind, 30),
        "type": "VirtualMachineScaleSets",
        "scaleDownMode": "Delete",
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "orchestratorVersion": _VERSION,
        "currentOrchestratorVersion": _PATCH,
        "enableNodePublicIP": False,
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202512.15.0",
        "upgradeSettings": {"maxSurge": "10%"},
        "enableFIPS": False,
        "securityProfile": {"enableVTPM": False, "enableSecureBoot": False},
    }
    return merge(defaults, {**given, "provisioningState": "Creating"})


def identity(cluster_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """The identity with the ids Entra gave it."""
    kind = given.get("type", "SystemAssigned")
    if kind.lower() == "userassigned":
        assigned = {
            item: {"clientId": stable_guid(f"client {item}"), "principalId": stable_guid(f"principal {item}")}
            for item in given.get("userAssignedIdentities") or {}
        }
        return {"type": kind, "userAssignedIdentities": assigned}
    return {"type": kind, "principalId": stable_guid(f"principal {cluster_id}"), "tenantId": TENANT_ID}


def settle(properties: dict[str, Any], state: str) -> None:
    """Set the state of a cluster and of its pools."""
    properties["provisioningState"] = state
    for pool in properties["agentPoolProfiles"]:
        pool["provisioningState"] = state


def complete(cluster_id: str, properties: dict[str, Any]) -> None:
    """Add what AKS only knows when the nodes run: the kubelet's identity and the outbound addresses."""
    subscription, name = cluster_id.split("/")[2], cluster_id.rsplit("/", 1)[-1]
    group = f"/subscriptions/{subscription}/resourceGroups/{properties['nodeResourceGroup']}/providers"
    balancer = properties["networkProfile"].get("loadBalancerProfile")
    if balancer is not None:
        address = f"{group}/Microsoft.Network/publicIPAddresses/{stable_guid(cluster_id + ' outbound')}"
        balancer.setdefault("effectiveOutboundIPs", [{"id": address}])
    properties["identityProfile"] = {
        "kubeletidentity": {
            "resourceId": f"{group.replace('resourceGroups', 'resourcegroups')}/Microsoft.ManagedIdentity"
            f"/userAssignedIdentities/{name}-agentpool",
            "clientId": stable_guid(f"kubelet client {cluster_id}"),
            "objectId": stable_guid(f"kubelet object {cluster_id}"),
        }
    }

"""The callers as their tokens describe them. Made-up people, so that a leak of claims into a log is visible."""

from __future__ import annotations

from datetime import datetime

from local.azure.rbac import OPERATOR, TENANT_ID, Principal

_SCHEMA = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_ENTRA = "http://schemas.microsoft.com/identity/claims"
_ADDRESSES = {"operator": "203.0.113.10", "aks-hublink": "198.51.100.20", "aks-resource-provider": "192.0.2.30"}
_ROLES = {"operator": "Owner", "aks-hublink": "AKS Hublink Operator"}


def ip_address_of(principal: Principal) -> str:
    """Where the caller calls from (documentation addresses)."""
    return _ADDRESSES.get(principal.name, "203.0.113.99")


def role_of(principal: Principal) -> str:
    """The role that allowed the call."""
    return _ROLES.get(principal.name, "Contributor")


def claims_of(principal: Principal, *, issued: datetime) -> dict[str, str]:
    """The claims of the caller's token; personal data when the caller is a person."""
    seconds = int(issued.timestamp())
    claims = {
        "aud": "https://management.azure.com/",
        "iss": f"https://sts.windows.net/{TENANT_ID}/",
        "iat": str(seconds - 300),
        "nbf": str(seconds - 300),
        "exp": str(seconds + 3600),
        "appid": principal.app_id,
        "ipaddr": ip_address_of(principal),
        "uti": principal.object_id[:22],
        "ver": "1.0",
        f"{_ENTRA}/objectidentifier": principal.object_id,
        f"{_ENTRA}/tenantid": TENANT_ID,
        f"{_SCHEMA}/nameidentifier": principal.object_id.replace("-", "")[:32],
    }
    if principal == OPERATOR:
        return {**claims, **_PERSON}
    return {**claims, "idtyp": "app", "appidacr": "2"}


_PERSON = {
    "name": "Alex Wilber",
    "scp": "user_impersonation",
    "puid": "10032000A1B2C3D4",
    f"{_SCHEMA}/givenname": "Alex",
    f"{_SCHEMA}/surname": "Wilber",
    f"{_SCHEMA}/name": "alex.wilber@contoso.example",
    f"{_SCHEMA}/upn": "alex.wilber@contoso.example",
    "groups": "5f2d1c1e-0000-4000-8000-00000000aaaa,5f2d1c1e-0000-4000-8000-00000000bbbb",
}

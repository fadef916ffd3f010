"""Routes of the firewall's resources."""

from __future__ import annotations

from local.azure.firewall import responses
from local.azure.firewall.common import FIREWALL, GROUP, IP_GROUP, POLICY
from local.azure.http import Route

_ALL = "/subscriptions/{sub}/providers/"
_RG = "/subscriptions/{sub}/resourceGroups/{rg}/providers/"
_FIREWALL = _RG + FIREWALL + "/{firewall}"
_POLICY = _RG + POLICY + "/{policy}"
_GROUP = _POLICY + "/ruleCollectionGroups/{group}"
_IP_GROUP = _RG + IP_GROUP + "/{ip_group}"

ROUTES = [
    Route("GET", _ALL + FIREWALL, responses.list_firewalls, f"{FIREWALL}/read"),
    Route("GET", _RG + FIREWALL, responses.list_firewalls, f"{FIREWALL}/read"),
    Route("GET", _FIREWALL, responses.get_firewall, f"{FIREWALL}/read"),
    Route("PUT", _FIREWALL, responses.put_firewall, f"{FIREWALL}/write"),
    Route("DELETE", _FIREWALL, responses.delete_firewall, f"{FIREWALL}/delete"),
    Route("GET", _ALL + POLICY, responses.list_policies, f"{POLICY}/read"),
    Route("GET", _RG + POLICY, responses.list_policies, f"{POLICY}/read"),
    Route("GET", _POLICY, responses.get_policy, f"{POLICY}/read"),
    Route("PUT", _POLICY, responses.put_policy, f"{POLICY}/write"),
    Route("DELETE", _POLICY, responses.delete_policy, f"{POLICY}/delete"),
    Route("GET", _POLICY + "/ruleCollectionGroups", responses.list_groups, f"{GROUP}/read"),
    Route("GET", _GROUP, responses.get_group, f"{GROUP}/read"),
    Route("PUT", _GROUP, responses.put_group, f"{GROUP}/write"),
    Route("DELETE", _GROUP, responses.delete_group, f"{GROUP}/delete"),
    Route("GET", _ALL + IP_GROUP, responses.list_ip_groups, f"{IP_GROUP}/read"),
    Route("GET", _RG + IP_GROUP, responses.list_ip_groups, f"{IP_GROUP}/read"),
    Route("GET", _IP_GROUP, responses.get_ip_group, f"{IP_GROUP}/read"),
    Route("PUT", _IP_GROUP, responses.put_ip_group, f"{IP_GROUP}/write"),
    Route("DELETE", _IP_GROUP, responses.delete_ip_group, f"{IP_GROUP}/delete"),
]

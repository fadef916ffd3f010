"""Routes of load balancers."""

from __future__ import annotations

from local.azure.http import Route
from local.azure.load_balancers import responses
from local.azure.load_balancers.models import BALANCER

_ALL = "/subscriptions/{sub}/providers/Microsoft.Network/loadBalancers"
_PROVIDER = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Network/loadBalancers"
_BALANCER = _PROVIDER + "/{balancer}"

ROUTES = [
    Route("GET", _ALL, responses.list_balancers, f"{BALANCER}/read"),
    Route("GET", _PROVIDER, responses.list_balancers, f"{BALANCER}/read"),
    Route("GET", _BALANCER, responses.get_balancer, f"{BALANCER}/read"),
    Route("PUT", _BALANCER, responses.put_balancer, f"{BALANCER}/write"),
    Route("DELETE", _BALANCER, responses.delete_balancer, f"{BALANCER}/delete"),
]

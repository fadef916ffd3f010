"""Routes (URLs) of role assignments and role definitions."""

from __future__ import annotations

from local.azure.authorization import responses
from local.azure.authorization.models import ASSIGNMENT, DEFINITION
from local.azure.http import Route

_SUBSCRIPTION = "/subscriptions/{sub}/providers"
_ASSIGNMENT = f"{{scope:path}}/providers/{ASSIGNMENT}/{{name}}"

ROUTES = [
    Route("GET", f"{_SUBSCRIPTION}/{DEFINITION}/{{name}}", responses.get_definition, f"{DEFINITION}/read"),
    Route("GET", f"{_SUBSCRIPTION}/{ASSIGNMENT}", responses.list_assignments, f"{ASSIGNMENT}/read"),
    Route("GET", _ASSIGNMENT, responses.get_assignment, f"{ASSIGNMENT}/read"),
    Route("PUT", _ASSIGNMENT, responses.put_assignment, f"{ASSIGNMENT}/write"),
    Route("DELETE", _ASSIGNMENT, responses.delete_assignment, f"{ASSIGNMENT}/delete"),
]

"""Resource Manager's front door: what happens to every call before and after a provider sees it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from local.azure.azure import Activity, Azure, LoggedRequest
from local.azure.errors import ArmError, not_simulated
from local.azure.http import ArmRequest, ArmResponse, Route, Router
from local.azure.operations import Operation, Style, result_path, status_path
from local.azure.rbac import Principal

_SUBSCRIPTION = re.compile(r"^/subscriptions/([^/]+)", re.IGNORECASE)
_GROUP = re.compile(r"^/subscriptions/[^/]+/resourceGroups/([^/]+)/.+", re.IGNORECASE)
_API_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(-preview)?$")
_KINDS = {"write": "Write", "delete": "Delete", "action": "Action"}
_OUTCOMES = {"Succeeded": "Success", "Failed": "Failure", "Canceled": "Cancel"}
_REMAINING = {
    "GET": ("reads", 16499),
    "PUT": ("writes", 11999),
    "POST": ("writes", 11999),
    "DELETE": ("deletes", 11999),
}


class Gateway:
    """Checks a call as Resource Manager does, hands it to its provider, and completes the answer."""

    def __init__(self, azure: Azure, routes: list[Route]) -> None:
        self._azure = azure
        self._router = Router(routes)

    def handle(
        self,
        *,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Any,
        principal: Principal,
    ) -> ArmResponse:
        """Answer one call. Refusals come back as responses, never as exceptions."""
        correlation_id = headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        request = ArmRequest(
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=body,
            principal=principal,
            correlation_id=correlation_id,
        )
        try:
            response = self._dispatch(request)
        except ArmError as error:
            response = ArmResponse(status=error.status, body=error.body(), headers=dict(error.headers))
        self._complete(request, response)
        self._log(request, response)
        return response

    def _dispatch(self, request: ArmRequest) -> ArmResponse:
        fault = self._azure.faults.take("status", request.method, request.path)
        if fault:
            raise fault.error()
        matched = self._router.match(request.method, request.path)
        if matched is None:
            raise not_simulated(request.method, request.path)
        route, params = matched
        request = ArmRequest(**{**request.__dict__, "params": params})
        self._check(request, route)
        created = request.method == "PUT" and self._azure.store.get(request.path.rstrip("/")) is None
        response = route.handler(self._azure, request)
        if request.method != "GET":
            self._azure.store.mark(request.path.rstrip("/"))
        if request.method != "GET" and response.status < 400 and response.event:
            self._announce(request, route, response, created=created)
        return response

    def _check(self, request: ArmRequest, route: Route) -> None:
        _check_api_version(request)
        subscription = _SUBSCRIPTION.match(request.path)
        if subscription:
            self._azure.require_subscription(subscription[1])
        if route.action:
            self._azure.access.check(request.principal, route.action, request.path.rstrip("/"))
        group = _GROUP.match(request.path)
        if group and subscription and "/privateDnsOperation" not in request.path:
            self._azure.resource_group(subscription[1], group[1])

    def _announce(self, request: ArmRequest, route: Route, response: ArmResponse, *, created: bool) -> None:
        kind = _KINDS.get(route.action.rsplit("/", 1)[-1].lower())
        if kind is None:
            return

        def record(operation: Operation | None) -> None:
            outcome = _OUTCOMES[operation.status] if operation else "Success"
            self._azure.record(
                Activity(
                    kind=kind,
                    outcome=outcome,
                    resource_id=_target(request, kind),
                    operation_name=route.action,
                    principal=request.principal,
                    correlation_id=request.correlation_id,
                    at=self._azure.clock.now(),
                    http={"method": request.method, "url": f"https://management.azure.com{request.path}"},
                    created=created,
                )
            )

        if response.operation and not response.operation.over:
            response.operation.then.append(record)
        else:
            record(None)

    def _complete(self, request: ArmRequest, response: ArmResponse) -> None:
        response.headers.setdefault("x-ms-request-id", str(uuid.uuid4()))
        response.headers.setdefault("x-ms-correlation-request-id", request.correlation_id)
        by_gateway = "x-ms-failure-cause" in response.headers  # such a refusal counts against no quota (recorded)
        if not by_gateway and request.method in _REMAINING:
            word, left = _REMAINING[request.method]
            response.headers.setdefault(f"x-ms-ratelimit-remaining-subscription-global-{word}", str(left))
        if response.operation:
            add_operation_headers(self._azure, request, response)

    def _log(self, request: ArmRequest, response: ArmResponse) -> None:
        error = response.body.get("error") if response.status >= 400 and isinstance(response.body, dict) else None
        self._azure.requests.append(
            LoggedRequest(
                at=self._azure.clock.seconds(),
                method=request.method,
                path=request.path,
                query="&".join(f"{key}={value}" for key, value in request.query.items()),
                status=response.status,
                principal=request.principal.name,
                user_agent=request.headers.get("User-Agent", ""),
                correlation_id=request.correlation_id,
                error_code=error.get("code") if isinstance(error, dict) else None,
                body=request.body if request.method != "GET" else None,
            )
        )


def _target(request: ArmRequest, kind: str) -> str:
    # Events of actions name the resource, not the action: `.../managedClusters/aks-1`, without `/start`.
    path = request.path.rstrip("/")
    return path.rsplit("/", 1)[0] if kind == "Action" else path


def add_operation_headers(azure: Azure, request: ArmRequest, response: ArmResponse) -> None:
    """Add the polling headers that the operation's service sends with this kind of answer."""
    operation = response.operation
    if operation is None:
        return
    if operation.style is not Style.RESOURCE_GROUP:
        response.headers["Azure-AsyncOperation"] = azure.base_url + status_path(operation)
    if operation.style is Style.NETWORK:
        response.headers["Azure-AsyncNotification"] = "Enabled"
    accepted = response.status == 202 and request.method == "POST"
    if operation.style in (Style.PRIVATE_DNS, Style.RESOURCE_GROUP) or accepted or request.method == "DELETE":
        response.headers["Location"] = azure.base_url + result_path(operation)


def _check_api_version(request: ArmRequest) -> None:
    if not request.api_version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ArmError(400, "MissingApiVersionParameter", message)
    if not _API_VERSION.match(request.api_version):
        message = f"The api-version '{request.api_version}' is invalid. The api-version must be of the form YYYY-MM-DD."
        raise ArmError(400, "InvalidApiVersionParameter", message)

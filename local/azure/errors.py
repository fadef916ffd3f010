"""Errors in the shapes that Resource Manager answers with."""

from __future__ import annotations

from typing import Any


class ArmError(Exception):
    """A refusal: HTTP status, error code, message and, where the service sends them, details and headers.

    `enveloped=False` gives AKS's bare validation body `{"code", "details", "message", "subcode"}`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[dict[str, Any]] | None = None,
        headers: dict[str, str] | None = None,
        enveloped: bool = True,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.enveloped = enveloped

    def error(self) -> dict[str, Any]:
        """The inner error object, as it also stands in the status body of a failed operation."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return error

    def body(self) -> dict[str, Any]:
        """The response body."""
        if self.enveloped:
            return {"error": self.error()}
        return {"code": self.code, "details": None, "message": self.message, "subcode": ""}


def resource_not_found(resource_type: str, name: str, resource_group: str) -> ArmError:
    """404 from the Resource Manager gateway, which names type, name and resource group."""
    message = (
        f"The Resource '{resource_type}/{name}' under resource group '{resource_group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", message, headers={"x-ms-failure-cause": "gateway"})


def resource_group_not_found(resource_group: str) -> ArmError:
    """404 from the gateway for a resource group that does not exist."""
    message = f"Resource group '{resource_group}' could not be found."
    return ArmError(404, "ResourceGroupNotFound", message, headers={"x-ms-failure-cause": "gateway"})


def network_not_found(resource_id: str) -> ArmError:
    """404 from the network resource provider, which answers for child resources such as subnets."""
    return ArmError(404, "NotFound", f"Resource {resource_id} not found.", details=[])


def invalid(code: str, message: str) -> ArmError:
    """400 for a body the service refuses."""
    return ArmError(400, code, message, details=[])


def precondition_failed(resource_id: str, sent: str, current: str) -> ArmError:
    """412 of the network resource provider for an If-Match that does not match."""
    detail = (
        f"Etag provided in if-match header {sent} does not match etag {current} of resource {resource_id} "
        "in NRP data store."
    )
    details = [{"code": "PreconditionFailedEtagMismatch", "message": detail}]
    return ArmError(412, "PreconditionFailed", "Precondition failed.", details=details)


def not_simulated(method: str, path: str) -> ArmError:
    """501 for a call that the simulation does not know, naming the call."""
    return ArmError(501, "NotSimulated", f"The local Azure does not simulate {method} {path}.")

"""When AKS does things: steps on the simulated clock that stop when a newer operation takes over."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from local.azure.azure import Azure
from local.azure.errors import ArmError
from local.azure.managed_clusters import network
from local.azure.managed_clusters.bodies import settle
from local.azure.managed_clusters.resolve import nodes_find_api_server
from local.azure.operations import Operation, Style
from local.azure.store import Resource
from local.azure.virtual_networks.models import busy

POLL_SECONDS = 15.0
LOOKUP_SECONDS = {True: 600.0, False: 300.0}
"""How long a node tries to find the API server: 600 s for a `privatelink` name, 300 s for others."""

Step = Callable[[], None]


@dataclass(kw_only=True)
class Timeline:
    """One operation of AKS on a cluster: timed steps, then the end.

    A step that raises `ArmError` ends the operation with that error. A later timeline of the same cluster
    silences this one.
    """

    azure: Azure
    cluster: Resource
    name: str
    state: str
    api_version: str
    target: str = ""

    def __post_init__(self) -> None:
        self._token = str(uuid.uuid4())
        self._error: ArmError | None = None
        self._operation: Operation | None = None

    def start(self, steps: list[tuple[float, Step]], *, duration: float, finish: Step) -> Operation:
        """Begin: `steps` are (seconds from now, what to do), `duration` seconds later `finish` makes it final."""
        self.cluster.hidden["run"] = self._token
        self.cluster.properties["provisioningState"] = self.state
        for offset, step in sorted(steps, key=lambda item: item[0]):
            self.after(offset, step)
        self._operation = self.azure.operations.begin(
            target=self.target or self.cluster.id,
            name=self.name,
            style=Style.AKS,
            duration=duration,
            finish=lambda: self._finish(finish),
            fail=lambda _error: self._settle("Failed"),
            location=self.cluster.body["location"],
            api_version=self.api_version,
        )
        self.cluster.hidden["operation"] = self._operation.operation_id
        self.cluster.touch()
        return self._operation

    def after(self, seconds: float, step: Step) -> None:
        """Do `step` so many seconds from now, unless the timeline is over by then."""
        self.azure.clock.call_later(seconds, lambda: self._run(step))

    def _run(self, step: Step) -> None:
        if self.cluster.hidden.get("run") != self._token or self.azure.store.get(self.cluster.id) is not self.cluster:
            return
        try:
            step()
            self.cluster.touch()
        except ArmError as error:
            self._error = error
            self.cluster.hidden["run"] = ""
            self._end_in(0.0)

    def _finish(self, finish: Step) -> None:
        if self._error:
            raise self._error
        finish()
        self.cluster.touch()

    def _settle(self, state: str) -> None:
        settle(self.cluster.properties, state)
        self.cluster.touch()

    def _end_in(self, seconds: float) -> None:
        operation = self._operation
        if operation is None or operation.over or operation.timer is None:
            return
        operation.timer.cancel()
        operation.timer = self.azure.clock.call_later(seconds, operation.timer.callback)

    def boot_nodes(self) -> None:
        """Nodes start and look up the API server. The operation does not end before they have found it."""
        timer = self._operation.timer if self._operation else None
        if timer is None or nodes_find_api_server(self.azure, self.cluster):
            self.cluster.hidden["nodes_joined"] = True
            return
        left = timer.due - self.azure.clock.seconds()
        timer.cancel()
        patience = LOOKUP_SECONDS[".privatelink." in self.cluster.properties.get("privateFQDN", "")]
        self._look_again(left, self.azure.clock.seconds() + patience)

    def _look_again(self, left: float, deadline: float) -> None:
        if nodes_find_api_server(self.azure, self.cluster):
            self.cluster.hidden["nodes_joined"] = True
            self._end_in(left)
        elif self.azure.clock.seconds() >= deadline:
            raise lookup_failed(self.cluster)
        else:
            self.after(POLL_SECONDS, lambda: self._look_again(left, deadline))


def lookup_failed(cluster: Resource) -> ArmError:
    """The error of nodes that never found the API server's name."""
    message = (
        "Agents are unable to resolve Kubernetes API server name. It's likely custom DNS server is not correctly "
        "configured, please see https://aka.ms/aks/private-cluster#hub-and-spoke-with-custom-dns for more information. "
        f"Details: Enable failed: failed to execute command: command terminated with exit status=52, "
        f"name={cluster.properties.get('privateFQDN', '')}"
    )
    return ArmError(400, "VMExtensionError_K8SAPIServerDNSLookupFail", message)


def check_networks(azure: Azure, cluster: Resource) -> None:
    """Fail the operation when a VNet of the cluster is being changed by somebody else."""
    for vnet in dict.fromkeys(network.vnet_id(subnet) for subnet in network.pool_subnets(cluster.properties)):
        if busy(azure, vnet) is None:
            continue
        message = (
            f"Unable to perform this operation because the virtual network {vnet} is in Updating state. "
            "The virtual network must be in Succeeded state."
        )
        raise ArmError(400, "VirtualNetworkNotInSucceededState", message)

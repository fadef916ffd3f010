"""The network as a picture: where each thing stands, what is written on it, what a screen reader says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.report_page.boxes import CHIP_INSET, PADDING, Box, Mark
from shared.report_page.labels import BOLD, NAME, SOFT, fit, fit_apart, fit_end, width
from shared.report_page.layout import Drawing, draw
from shared.report_page.names import counted, same
from shared.report_page.networks import UNKNOWN, vnet_name
from shared.report_page.routes import Route

Data = Mapping[str, Any]
GLYPHS = {"reachable": "✓", "unreachable": "✕", "ambiguous": "?"}
_ICON = 30
"""Left of the firewall's name, for its icon."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A cluster in the picture; `label` is empty where there is only room for its glyph."""

    mark: Mark
    cluster: Data
    label: str


@dataclass(frozen=True, kw_only=True)
class Net:
    """A VNet in the picture. `key` is the id of its row in the table, `spoken` what a screen reader says of it."""

    box: Box
    key: str
    role: str
    cut_off: bool
    name: str
    second: str
    tally: str
    spoken: str
    chips: tuple[Chip, ...]
    route: Route | None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """All that is drawn."""

    drawing: Drawing
    nets: tuple[Net, ...]
    hub: tuple[str, str]
    firewall: tuple[str, str]
    spoken: str

    @property
    def routes(self) -> list[tuple[Net, Route]]:
        """The lines; those that are not connected last, so that they are on top."""
        lines = [(net, net.route) for net in self.nets if net.route]
        return sorted(lines, key=lambda line: line[0].cut_off)


def make_picture(network: Data, clusters: Sequence[Data]) -> Picture:
    """Draw the network; `clusters` as `told_clusters` has them."""
    drawing = draw(network)
    hub, firewall = network["hub"], network["hub"]["firewall"]
    nets = [_net(box, drawing, network, clusters) for box in drawing.boxes]
    names = fit_apart([net.name for net in nets], [_name_room(net) for net in nets])
    room = drawing.hub.width - 2 * PADDING
    address, rules = firewall["address"] or "?", counted(firewall["rules"], "rule")
    return Picture(
        drawing=drawing,
        nets=tuple(replace(net, name=name) for net, name in zip(nets, names, strict=True)),
        hub=(fit(vnet_name(hub), room), fit_end(", ".join(hub["addressSpace"]), room)),
        firewall=(
            fit_end(f"Firewall {address}", room - _ICON - PADDING, NAME),
            fit_end(f"{rules} of ours · {firewall['state']}", room - _ICON - PADDING),
        ),
        spoken=f"Hub {vnet_name(hub)}, firewall {address}, {rules} of ours, {firewall['state']}",
    )


def _net(box: Box, drawing: Drawing, network: Data, clusters: Sequence[Data]) -> Net:
    inside = [clusters[mark.index] for mark in box.marks]
    vnet, key = _vnet(box, network, inside)
    cut_off = vnet["peering"] != "connected"
    bad = sum(cluster["verdict"] == "unreachable" for cluster in inside)
    room = box.width - 2 * PADDING
    tally = f"{bad} ✕" if bad and not drawing.chips else ""
    spaces = ", ".join(vnet["addressSpace"])
    return Net(
        box=box,
        key=key,
        role=str(vnet["role"]).replace(" ", "-"),
        cut_off=cut_off,
        name=vnet_name(vnet),
        second=_second(_peering(vnet, cut_off), " · ".join(filter(None, (_role(vnet), spaces))), room),
        tally=tally,
        spoken=_spoken(vnet, spaces, inside, cut_off),
        chips=_chips(box, inside, drawing),
        route=drawing.routes.get(box.index) if box.index is not None else None,
    )


def _name_room(net: Net) -> float:
    return net.box.width - 2 * PADDING - (width(f"  {net.tally}", NAME) if net.tally else 0)


def _vnet(box: Box, network: Data, inside: Sequence[Data]) -> tuple[Data, str]:
    """What a box stands for, and the row that tells of it."""
    if box.index is not None:
        return network["vnets"][box.index], f"n{box.index}"
    hub = network["hub"]
    if all(same(cluster["vnet"], hub["id"]) for cluster in inside):
        return {**hub, "role": "in the hub", "peering": "connected"}, "nhub"
    return UNKNOWN, "nunknown"


def _peering(vnet: Data, cut_off: bool) -> str:
    if not cut_off:
        return ""
    return "✕ not peered" if vnet["peering"] == "missing" else f"✕ {vnet['peering']}"


def _second(state: str, rest: str, room: float) -> str:
    """The second line: what is wrong with the peering, and where there is room, what the VNet is."""
    if not state:
        return fit_end(rest, room, SOFT)
    both = f"{state} · {rest}"
    return both if rest and width(both, BOLD) <= room else fit_end(state, room, BOLD)


def _role(vnet: Data) -> str:
    return "" if vnet["role"] in ("spoke", UNKNOWN["role"]) else str(vnet["role"])


def _spoken(vnet: Data, spaces: str, inside: Sequence[Data], cut_off: bool) -> str:
    bad = [f"{count} {verdict}" for verdict in ("unreachable", "ambiguous") if (count := _count(inside, verdict))]
    peering = f"peering {vnet['peering']}" if cut_off else ""
    clusters = counted(len(inside), "cluster") + (f", {' and '.join(bad)}" if bad else "")
    return ", ".join(filter(None, (f"VNet {vnet_name(vnet)}", str(vnet["role"]), spaces, peering, clusters)))


def _count(inside: Sequence[Data], verdict: str) -> int:
    return sum(cluster["verdict"] == verdict for cluster in inside)


def _chips(box: Box, inside: Sequence[Data], drawing: Drawing) -> tuple[Chip, ...]:
    labels = [""] * len(inside)
    if drawing.chips:
        labels = fit_apart([cluster["name"] for cluster in inside], [mark.width - CHIP_INSET for mark in box.marks])
    return tuple(
        Chip(mark=mark, cluster=cluster, label=label)
        for mark, cluster, label in zip(box.marks, inside, labels, strict=True)
    )

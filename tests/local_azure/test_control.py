"""The control API and the local Azure as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from local.azure.control_client import ControlClient, ControlError
from local.azure.environment import app_environment, write_settings
from local.azure.process import ROOT, NotReadyError, start
from local.azure.rbac import OPERATOR
from local.azure.simulation import Simulation, simulate
from tests.local_azure.functions_endpoint import endpoint

ZONE_WRITE = "Microsoft.Network/privateDnsZones/write"


@pytest.fixture
async def simulation(tmp_path: Path) -> AsyncIterator[Simulation]:
    async with simulate(folder=tmp_path, speed=0.0) as simulation:
        yield simulation


@pytest.fixture
async def control(simulation: Simulation) -> AsyncIterator[ControlClient]:
    async with ControlClient(simulation.azure.base_url, simulation.certificates.ca) as control:
        yield control


async def test_clock_is_moved_and_sped_up(control: ControlClient) -> None:
    assert (await control.clock())["seconds"] == 0
    assert (await control.advance(90))["seconds"] == 90
    assert (await control.set_speed(30))["speed"] == 30


async def test_latencies_are_changed_by_name(control: ControlClient) -> None:
    assert (await control.latencies(firewall_policy=7))["firewall_policy"] == 7
    with pytest.raises(ControlError, match="unknown latencies: coffee"):
        await control.latencies(coffee=1)


async def test_faults_are_ordered_listed_and_cleared(control: ControlClient) -> None:
    await control.fault("status", path="routeTables", status=429)
    assert [fault["status"] for fault in await control.faults()] == [429]
    with pytest.raises(ControlError, match="unknown fault kind"):
        await control.fault("earthquake")
    await control.clear_faults()
    assert await control.faults() == []


async def test_seeded_contoso_can_be_looked_at(control: ControlClient) -> None:
    answer = await control.seed("contoso")
    vnets = await control.state(resource_type="Microsoft.Network/virtualNetworks")
    assert answer["hub_vnet"] in vnets
    below = await control.state(below=answer["firewall_policy"].lower())
    assert answer["firewall_policy"] in below
    monitoring = answer["settings"]["MONITORING_VNET_IDS"]
    assert (await control.resolve(monitoring, "nobody.privatelink.westeurope.azmk8s.io"))["address"] is None
    with pytest.raises(ControlError, match="unknown seed"):
        await control.seed("atlantis")


async def test_activities_reach_a_registered_endpoint(simulation: Simulation, control: ControlClient) -> None:
    simulation.azure.subscriptions.add("sub-1")
    async with endpoint() as host:
        shown = await control.register_events(host.url)
        assert {item["name"] for item in shown["subscriptions"]} == {
            f"{function}@sub-1"
            for function in ("link_dns_zone", "allow_api_server", "attach_route_table", "retire_cluster")
        }
        await control.fault("event", effect="hold")
        zone = "/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z"
        simulation.azure.record_write(zone, ZONE_WRITE, OPERATOR)
        assert (await control.eventgrid())["held"] == 1
        assert len(await control.release_events()) == 1
        await simulation.event_grid.idle()
        assert [attempt["outcome"] for attempt in await control.event_log()] == ["Delivered"]
        assert host.operations("link_dns_zone") == [ZONE_WRITE.lower()]
        assert (await control.eventgrid())["delivered"] == 1
    assert len(await control.events()) == 1


async def test_endpoint_elsewhere_is_refused(control: ControlClient) -> None:
    with pytest.raises(ControlError, match=r"127\.0\.0\.1"):
        await control.register_events("https://example.com")


async def test_unknown_call_is_answered_with_its_own_name(simulation: Simulation, control: ControlClient) -> None:
    machines = "/subscriptions/x/providers/Microsoft.Compute/virtualMachines"
    url = f"{simulation.azure.base_url}{machines}?api-version=2024-01-01"
    headers = {"Authorization": f"Bearer {await control.token()}"}
    context = ssl.create_default_context(cafile=str(simulation.certificates.ca))
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers, ssl=context) as answer:
        assert answer.status == 501
        assert "Microsoft.Compute/virtualMachines" in (await answer.json())["error"]["message"]


async def test_process_serves_until_it_is_let_go(tmp_path: Path) -> None:
    async with start(folder=tmp_path, seed="contoso") as azure:
        assert azure.environment()["ARM_ENDPOINT"] == azure.base_url
        assert azure.seed["settings"]["HUB_VNET_ID"]
        async with azure.control() as control:
            assert (await control.clock())["speed"] == 60
            await control.register_events("http://127.0.0.1:1")
    assert not alive(azure.pid)
    assert not (tmp_path / "azure.json").exists()


PARENT = """
import asyncio, pathlib, sys
from local.azure.process import start

async def main():
    async with start(folder=pathlib.Path(sys.argv[1])) as azure:
        print(azure.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_process_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    parent = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.communicate()
    async with asyncio.timeout(10):
        while alive(pid):  # noqa: ASYNC110  # somebody else's process: there is nothing to wait on
            await asyncio.sleep(0.02)


async def test_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="atlantis"):
        async with start(folder=tmp_path, seed="atlantis"):
            pass


def test_ctrl_c_ends_it_with_success(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "local.azure", "--port", "0", "--folder", str(tmp_path)]
    command += ["--write-settings", str(tmp_path / "local.settings.json"), "--seed", "contoso"]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **output) as process:  # noqa: S603
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0, rest
    assert "Stopped." in rest
    printed = "".join(lines)
    for name in ("ARM_ENDPOINT", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE"):
        assert f"export {name}=" in printed
    assert '"HUB_VNET_ID"' in (tmp_path / "local.settings.json").read_text()


def test_settings_of_somebody_else_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_settings(path, app_environment("https://localhost:1", "ca.pem"), {})
    assert path.read_text() == "mine"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody buries is dead all the same; only Linux has /proc to tell.
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" not in status.read_text()

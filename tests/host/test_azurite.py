import os
import signal
import subprocess
import sys
import time

import pytest
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.azurite import Azurite, AzuriteUnavailableError, install

pytestmark = pytest.mark.azurite


async def test_all_three_services_answer(azurite: Azurite):
    text = azurite.connection_string
    async with (
        BlobServiceClient.from_connection_string(text) as blobs,
        QueueServiceClient.from_connection_string(text) as queues,
        TableServiceClient.from_connection_string(text) as tables,
    ):
        await blobs.create_container("azurite-test")
        await queues.create_queue("azurite-test")
        await tables.create_table("azuritetest")

        assert [c.name async for c in blobs.list_containers("azurite-test")] == ["azurite-test"]


def test_missing_node_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(AzuriteUnavailableError, match=r"Node is not installed\. Install Node 20"):
        install()


@pytest.mark.parametrize(("program", "complaint"), [("echo v18.1.0", "Node is v18.1.0"), ("exit 1", "unknown version")])
def test_old_node_is_named(monkeypatch, tmp_path, program, complaint):
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\n{program}\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(AzuriteUnavailableError, match=complaint):
        install()


def test_missing_npm_is_named(monkeypatch, tmp_path):
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v22.0.0\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(AzuriteUnavailableError, match="npm is not installed"):
        install(tmp_path / "elsewhere")


def test_azurite_ends_with_a_parent_that_is_killed(azurite: Azurite):
    program = "import time; from local.azurite import Azurite; print(Azurite().start().pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:  # noqa: S603
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)

    deadline = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return shown.stdout.strip() not in {"", "Z", "Zs"}

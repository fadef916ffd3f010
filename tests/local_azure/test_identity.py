"""The app's real credential gets its tokens from the local Azure."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from local.azure.environment import app_environment
from local.azure.private_dns.models import put_zone_as
from local.azure.rbac import APP, OPERATOR, RoleAssignment, principal_of
from tests.local_azure.conftest import SUBSCRIPTION, Lab


async def test_managed_identity_is_the_app(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in app_environment(lab.azure.base_url, lab.certificates.ca).items():
        monkeypatch.setenv(name, value)
    # aiohttp makes its default TLS context when it is imported: in this process the CA has to be named.
    credential = ManagedIdentityCredential(connection_verify=str(lab.certificates.ca))
    async with credential:
        token = await credential.get_token("https://management.azure.com/.default")
        assert principal_of(token.token) == APP
        client = PrivateDnsManagementClient(
            credential,
            SUBSCRIPTION,
            base_url=lab.azure.base_url,
            credential_scopes=["https://management.azure.com/.default"],
            connection_verify=str(lab.certificates.ca),
            retry_total=0,
        )
        async with client:
            lab.azure.access.reset()
            with pytest.raises(Exception, match="AuthorizationFailed"):
                _ = [zone async for zone in client.private_zones.list()]


async def test_wrong_identity_header_gets_no_token(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in app_environment(lab.azure.base_url, lab.certificates.ca).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    async with ManagedIdentityCredential(connection_verify=str(lab.certificates.ca), retry_total=0) as credential:
        with pytest.raises(Exception, match=r"401|X-IDENTITY-HEADER"):
            await credential.get_token("https://management.azure.com/.default")


APP_CODE = """
import asyncio, os
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

async def main():
    endpoint = os.environ["ARM_ENDPOINT"]
    async with ManagedIdentityCredential() as credential:
        async with PrivateDnsManagementClient(
            credential, os.environ["SUBSCRIPTION"], base_url=endpoint,
            credential_scopes=["https://management.azure.com/.default"],
        ) as client:
            print([zone.name async for zone in client.private_zones.list()])

asyncio.run(main())
"""


async def test_variables_alone_make_another_process_talk_to_the_local_azure(lab: Lab) -> None:
    lab.azure.access.assignments.append(
        RoleAssignment(principal_id=APP.object_id, scope=f"/subscriptions/{SUBSCRIPTION}", actions=("*/read",))
    )
    put_zone_as(lab.azure, lab.id("privateDnsZones", "a.test"), OPERATOR)
    ours = app_environment(lab.azure.base_url, lab.certificates.ca)
    environment = {**os.environ, **ours, "SUBSCRIPTION": SUBSCRIPTION}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", APP_CODE, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    assert printed.decode().strip() == "['a.test']"

"""The app's real credential gets its tokens from the local Azure."""

from __future__ import annotations

import pytest
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from local.azure.environment import app_environment
from local.azure.rbac import APP, principal_of
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

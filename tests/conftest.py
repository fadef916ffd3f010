"""What every test stands on: one certificate authority and one Azurite."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings

from local.azure.tls import write_certificates

# aiohttp reads SSL_CERT_FILE when it is imported, so the authority must be there before anything imports aiohttp.
_FOLDER = Path(tempfile.mkdtemp(prefix="aks-hublink-tests-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
CERTIFICATES = write_certificates(_FOLDER)
os.environ["SSL_CERT_FILE"] = str(CERTIFICATES.ca)

pytest_plugins = ["tests.fixtures_azurite"]

# The same examples on every machine: a red build is red everywhere. Deadlines measure the machine, not the code.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")

"""The same sixty clusters by the command line: plan, digest, apply, and nothing left to do."""

from __future__ import annotations

import json
from pathlib import Path

from local.azurite import Azurite
from tests.backfill.conftest import DIGEST, running


async def test_plan_digest_apply_reaches_all_clusters_and_a_second_plan_is_clean(tmp_path: Path) -> None:
    with Azurite() as azurite:
        async with running(tmp_path, azurite, spokes=3, clusters_per_spoke=20) as world:
            code, output, _ = await world.cli("plan", "--json")
            plan = json.loads(output)
            assert (code, plan["summary"]["add"], len(plan["firewall"]["added"])) == (2, 181, 60)

            code, output, errors = await world.cli("apply", "--digest", plan["digest"], "--json")
            applied = json.loads(output)
            assert (code, applied["done"], applied["firewall"]["writes"]) == (0, True, 1), errors
            assert await world.reached() == 60

            # Without a storage account the rules in the firewall tell what is registered.
            code, output, _ = await world.cli("plan", storage=False)
            assert (code, output.strip().splitlines()[-1].split(";")[0]) == (
                0,
                "No changes. Everything is as it should be",
            )


async def test_one_cluster_by_the_command_line(tmp_path: Path, azurite: Azurite) -> None:
    async with running(tmp_path, azurite, spokes=1, clusters_per_spoke=2) as world:
        first = world.seed["clusters"][0]

        code, output, _ = await world.cli("plan", "--cluster", first, storage=False)
        assert code == 2
        assert "aks-10-0 (rg-spoke-10, subscription" in output
        assert "Plan: 3 to add, 0 to change, 0 to delete, 1 firewall rules to add" in output

        code, output, _ = await world.cli("drift", "--cluster", first, "--json", storage=False)
        assert (code, json.loads(output)["summary"]["add"]) == (2, 3)

        code, output, _ = await world.cli("apply", "--digest", DIGEST, "--json", "--cluster", first)
        assert (code, json.loads(output)["error"]) == (1, "plan-changed")
        code, output, errors = await world.cli("apply", "--digest", DIGEST, storage=False)
        assert code == 1
        assert "needs the app's storage account" in errors

        code, output, _ = await world.cli("reach", "aks-10-0", "--json", storage=False)
        assert (code, {item["verdict"] for item in json.loads(output)["verdicts"]}) == (2, {"unreachable"})
        code, output, _ = await world.cli("history", "--json")
        assert (code, json.loads(output)["group"].rsplit("/", 1)[1]) == (0, "rcg-aks-api-servers")
        assert await world.writes() == 0

"""Sixty existing clusters in three subscriptions that nobody can reach, and a host that dies while it works."""

from __future__ import annotations

from pathlib import Path

from local.azurite import Azurite
from tests.backfill.conftest import running


async def test_dry_run_digest_apply_reaches_all_clusters_though_the_host_is_killed_in_the_middle(
    tmp_path: Path,
) -> None:
    with Azurite() as azurite:
        async with running(tmp_path, azurite, spokes=3, clusters_per_spoke=20) as world:
            await world.start_host()
            assert await world.reached() == 0

            status, plan, _ = await world.post()
            assert (status, plan["summary"]["add"], plan["summary"]["delete"]) == (200, 181, 0)
            assert len(plan["firewall"]["added"]) == 60
            assert await world.writes() == 0

            # 183 changes are more than MAX_CHANGES_PER_RUN allows, unless somebody approves exactly these.
            status, problem, headers = await world.post({"dryRun": False, "planDigest": plan["digest"]})
            assert status == 202, problem
            path = headers["Location"]

            await world.run_until(path, lambda run: run["progress"]["ended"] >= 5)
            await world.host.akill()
            await world.start_host()

            run = await world.ended(path)
            assert (run["status"], run["refused"], run["notApproved"]) == ("succeeded", [], [])
            done = {item["action"]["resource"].lower() for item in run["actions"]}
            assert done >= {action["resource"].lower() for action in plan["actions"]}
            assert not [item for item in run["actions"] if item["result"] not in ("done", "already")]
            assert await world.reached() == 60

            status, again, _ = await world.post()
            assert (status, again["empty"], again["actions"], again["findings"]) == (200, True, [], [])

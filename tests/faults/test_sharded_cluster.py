"""The sharded cluster of other tests: it routes to both shards, and a killed shard restarts with its data."""

from pathlib import Path

from tests.faults.sharded_cluster import sharded_cluster


async def test_a_cluster_routes_by_its_key_and_a_killed_shard_restarts_with_its_data(tmp_path: Path):
    async with sharded_cluster(tmp_path) as cluster:
        await cluster.split("monitor", "runs", at={"tenant_id": "m", "execution_id": ""})
        with cluster.mongos.client() as client:
            client["monitor"].runs.insert_many(
                [{"tenant_id": tenant, "execution_id": f"e{number}"} for tenant in "az" for number in range(3)]
            )
        kept: list[set[str]] = []
        for shard in cluster.shards:
            shard.kill()
            shard.launch()
            shard.wait_until_ready()
            with shard.client() as client:
                kept.append(set(client["monitor"].runs.distinct("tenant_id")))

    assert kept == [{"a"}, {"z"}]
    assert not any(process.is_running for process in (cluster.mongos, cluster.config, *cluster.shards))

"""Ingest: what engines report while they run, and recorded runs from files.

Each protocol is a folder with its routes, and an entry in `endpoints.PROTOCOLS`; `writer` stores what all of them and
the mutations report. Each format of files is a folder with one `parse` function, and an entry in `formats.FORMATS`;
`core` imports the runs, or replays them as if they ran now.

    report = await load_files([Path("run.json")], tenant="acme", user="ada")
    print(report.describe())  # 1 loaded, 0 unchanged, 0 replaced, 0 rejected; 22 steps.
    await replay_files([Path("run.json")], tenant="acme", user="ada", speed=10)
"""

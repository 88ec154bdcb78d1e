"""Ingest: import recorded runs of workflow engines from files, or replay them as if they ran now.

Each format is a folder with one `parse` function, and an entry in `formats.FORMATS`; `core` does the rest.

    report = await load_files([Path("run.json")], tenant="acme", user="ada")
    print(report.describe())  # 1 loaded, 0 unchanged, 0 replaced, 0 rejected; 22 steps.
    await replay_files([Path("run.json")], tenant="acme", user="ada", speed=10)
"""

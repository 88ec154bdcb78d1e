"""What all formats of recorded runs share: reading files, storing runs, replaying them.

for path, run in read_runs([Path("run.json")], tenant="acme", user="ada"):
    if isinstance(run, RunDocuments):
        await store(run)
"""

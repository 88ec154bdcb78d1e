"""Generated executions that look like those of real engines: seeded at once, or simulated one after another.

The same options make the same documents:

    options = SeedOptions(executions=2_000, random_seed=7)
    report = await seed(options, on_progress=print)
    print(f"{report.documents:,} documents in {report.seconds:.1f} s")

The database must be connected, as by `development.local_database.connected(settings)`.
"""

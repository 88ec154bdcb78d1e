"""The audit trail: who requested what, and what came of it. Observed, redacted, written in batches and read.

An observer puts an event into the journal for every operation, and the journal writes them in the background:

    async with Journal(AuditWriter(database).write) as journal:
        observers = Observers(AuditObserver(journal, strict=False))
        async with observers.observe(operation):
            ...

Auditors read the events of their own tenant:

    page = await AuditTrail(reader).list(auditor, equals("subject", "ada"), PageRequest(20), PageSelection())
"""

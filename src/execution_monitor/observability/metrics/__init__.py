"""Metrics for Prometheus, in one registry for each application.

A class that counts something declares its metrics itself, with the helpers of `families`:

    class Journal(Collector):
        def collect(self) -> Iterator[Metric]:
            yield counter("audit_written", "Events of the audit trail that MongoDB has.", self.written)

    registry.register(journal)
"""

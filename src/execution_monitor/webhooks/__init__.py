"""Webhooks: every change that matches, pushed to a receiver of its owner's choice, at least once.

The feeder puts each change into the outbox, exactly once (`enqueueing`); senders deliver what is due from it
(`sender`), on any number of servers. A webhook sends what its owner may see (`rights`), and nothing else.
"""

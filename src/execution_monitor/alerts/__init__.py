"""Alerts: rules that say when to call whom, the alerts that come of them, and the messages by which people hear of it.

A rule watches what its owner may see. What it finds becomes one alert a group (`alerts`), and each change of an alert
becomes one message for every channel of the rule (`notifying`), sent at least once by any number of servers.
"""

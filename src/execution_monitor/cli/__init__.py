"""The command line, `execution-monitor`: serve, load and generate executions, issue and revoke tokens, watch.

`main` declares the commands; the other modules do the work of some.

    $ execution-monitor token --user ada --scope executions:read:tenant
    $ execution-monitor watch --filter '{"status": {"eq": "FAILED"}}'
"""

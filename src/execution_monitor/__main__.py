"""`python -m execution_monitor`: the same as the command `execution-monitor`."""

from execution_monitor.cli.main import main

if __name__ == "__main__":
    main()

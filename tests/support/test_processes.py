"""What processes of tests inherit."""

import subprocess
import sys

# A shell without job control starts what it runs in the background so.
IN_THE_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
IS_IGNORED = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
RUN = f"""
import subprocess, sys
from tests.support.processes import heed_interrupts

subprocess.run([sys.executable, "-c", {IS_IGNORED!r}], check=True)
heed_interrupts()
subprocess.run([sys.executable, "-c", {IS_IGNORED!r}], check=True)
"""


def test_the_children_of_a_run_in_the_background_can_be_interrupted():
    command = [*IN_THE_BACKGROUND, sys.executable, "-c", RUN]
    ignored = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert ignored == ["True", "False"]

"""``make mesh``: real Istio with real pods, without containers, and what to type.

With a command, that is run instead, with MESH naming the file that says where everything is; its exit code is ours.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from hack.claims import claimed
from hack.cluster.binaries import BuildError, find_binaries
from hack.cluster.commands import run_until_interrupted, say
from hack.cluster.definitions import find_definitions
from hack.mesh.mesh import NEEDED, Places, start
from hack.mesh.namespaces import WITHIN, enter, problem
from hack.mesh.programs import find_programs
from hack.processes import ProcessError, pause


def main() -> int:
    """Return 0, or the exit code of the command."""
    parser = argparse.ArgumentParser(prog="python -m hack.mesh", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path(".mesh"), help="for data, logs and kubeconfigs")
    parser.add_argument("--interval", default="5s", help="between the rounds of a rollout")
    parser.add_argument("--istiod", action="append", default=[], help="a setting of istiod, NAME=VALUE")
    parser.add_argument("--optional", action="store_true", help="0 and a line where this machine cannot have a mesh")
    parser.add_argument("command", nargs="*", help="to run once everything is there")
    options = parser.parse_args()
    directory = options.directory.resolve()
    if WITHIN in os.environ:
        return run_until_interrupted(
            lambda stack: _stay(start(stack, directory, options.interval, options.istiod), options.command)
        )
    reason = problem()
    if reason and options.optional:
        print(f"Skipped: {reason}")
        return 0
    if reason:
        print(f"FAILED: {reason}", file=sys.stderr)
        return 1
    try:
        # What has to be fetched is fetched outside: there is no way out of the namespace.
        with claimed(directory, f"hack.mesh -- {' '.join(options.command)}" if options.command else "make mesh"):
            find_binaries(say, NEEDED)
            find_programs(say)
            find_definitions(say)
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            return enter([sys.executable, "-m", "hack.mesh", *sys.argv[1:]], directory)
    except (BuildError, ProcessError) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1


def _stay(places: Places, command: list[str]) -> int:
    if command:
        environ = {**os.environ, "MESH": str(places.state)}
        return subprocess.run(command, env=environ, check=False).returncode
    say(*places.what_to_type())
    while True:
        pause(1.0)
        for process in places.processes:
            process.check()


if __name__ == "__main__":
    sys.exit(main())

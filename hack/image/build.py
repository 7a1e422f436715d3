"""Carries out a Dockerfile without an engine: each stage in a directory, with this machine's Python as its base image.

The commands run in a mount namespace with that directory as their root. What the base image would bring is mounted into
it, read-only: for a stage that builds, the programs of this machine; for the one that runs, Python and the libraries
that it needs, and no shell. Needs root, as mounting does.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hack.image.dockerfile import Run, Stage

PYTHON = Path(sys.base_prefix) / "bin" / "python3.11"
_PROGRAMS = ("/bin", "/sbin", "/usr", "/lib", "/lib64", "/etc", "/dev", "/proc", sys.base_prefix)
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", f"{sys.base_prefix}/lib", str(PYTHON), "/dev", "/proc")
_MINUTES = 600  # for a step; most of it is fetching packages

# A directory on top of itself can be made read-only, and what is mounted below stays as it is.
_ENTER = """
set -euo pipefail
root=$1; mode=$2; shift 2
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
    if [ -L "$1" ]; then
        [ -L "$root$1" ] || ln -s "$(readlink "$1")" "$root$1"
    elif [ -d "$1" ]; then
        mkdir -p "$root$1"; mount --rbind "$1" "$root$1"
        case $1 in /dev | /proc) ;; *) mount -o remount,bind,ro "$root$1" ;; esac
    else
        mkdir -p "$(dirname "$root$1")"; touch "$root$1"; mount --bind "$1" "$root$1"
    fi
    shift
done
shift
mount -o "remount,bind,$mode" "$root"
exec "$@"
"""


def build(stages: Mapping[str, Stage], context: Path, directory: Path) -> Path:
    """Carry out all stages below a directory and return the root of the last one.

    Raises:
        subprocess.CalledProcessError: a command has failed; what it printed is in ``output``.
    """
    roots = {name: directory / f"stage-{number}" for number, name in enumerate(stages)}
    for name, stage in stages.items():
        root = roots[name]
        root.mkdir(parents=True)
        for step in stage.steps:
            if isinstance(step, Run):
                _run(step, root)
            elif step.stage is None:
                _copy(context / step.source, root / step.target.lstrip("/"), left_out=("__pycache__",))
            else:
                _copy(roots[step.stage] / step.source.lstrip("/"), root / step.target.lstrip("/"))
    return root


def command_of(stage: Stage, root: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a stage's entry point as its user, with its root read-only."""
    python = root / "usr/bin/python3"
    if not python.is_symlink():
        python.parent.mkdir(parents=True, exist_ok=True)
        python.symlink_to(PYTHON)
    environ = [f"{name}={value}" for name, value in stage.environ.items()]
    inside = [_host("setpriv"), "--no-new-privs", _host("chroot"), f"--userspec={stage.user}", "--groups=", str(root)]
    program = str(_on_path(stage.entrypoint[0], root, stage.environ["PATH"]))
    entry_point = [program, *stage.entrypoint[1:], *arguments]
    return _entered(root, "ro", _LIBRARIES, [_host("env"), "-i", *environ, *inside, *entry_point])


def _host(program: str) -> str:
    """Return where a program of this machine is, since the image's own PATH holds by the time it is called."""
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise FileNotFoundError(f"{program} is not installed")
    return found


def _on_path(program: str, root: Path, path: str) -> Path:
    """Return where an engine would find a program, as it is called within the root."""
    for directory in path.split(":"):
        if (root / directory.lstrip("/") / program).is_file():
            return Path(directory) / program
    raise FileNotFoundError(f"{program} is in none of {path}")


def _copy(source: Path, target: Path, *, left_out: Sequence[str] = ()) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*left_out))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _run(step: Run, root: Path) -> None:
    (root / step.directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
    script = f"cd {shlex.quote(step.directory)} && {step.command}"
    command = _entered(root, "rw", _PROGRAMS, ["chroot", str(root), "/bin/sh", "-c", script])
    environ = {**os.environ, "PATH": f"{PYTHON.parent}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
    subprocess.run(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=_MINUTES
    )


def _entered(root: Path, mode: str, mounted: Sequence[str], command: Sequence[str]) -> list[str]:
    there = [path for path in mounted if Path(path).exists()]
    return ["unshare", "--mount", "bash", "-c", _ENTER, "bash", str(root), mode, *there, "--", *command]

"""Another release of Kubernetes than the one that go.mod names: its API server, its controllers and its scheduler.

etcd, kubectl, kwok and everything else stay those of go.mod. There is no go.sum for it: Go's checksum database vouches.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from testbed.cluster.binaries import BuildError, cache_of, fill, kubernetes_link, run_tool

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_KUBERNETES = "k8s.io/kubernetes"


def find_release(version: str, binaries: Path, say: Callable[[str], None]) -> Path:
    """Return a directory with all programs, those of Kubernetes of another release; BuildError if they cannot be made.

    Args:
        version: of Kubernetes, 1.30.14 for example.
        binaries: the directory with the programs of go.mod.
        say: told what is being built, since it takes minutes.
    """
    if not re.fullmatch(r"1\.\d+\.\d+", version):
        raise BuildError(f"a release of Kubernetes looks like 1.30.14, not {version!r}")
    directory = cache_of(f"{_KUBERNETES} {version} beside {binaries.name}".encode())
    fill(directory, PROGRAMS, partial(_make, version), say, "all take six minutes on two cores")
    for program in binaries.iterdir():
        if program.is_file() and not (directory / program.name).exists():
            (directory / program.name).symlink_to(program)
    return directory


def _make(version: str, go: str, name: str, directory: Path) -> None:
    said = run_tool([go, "mod", "download", "-json", f"{_KUBERNETES}@v{version}"], name, GOFLAGS="-mod=mod")
    with TemporaryDirectory() as module:
        (Path(module) / "go.mod").write_text(go_mod(version, Path(json.loads(said)["GoMod"]).read_text()))
        flags = ["-mod=mod", "-trimpath", f"-ldflags={kubernetes_link(version)}"]
        command = [go, "build", *flags, "-o", str(directory / name), f"{_KUBERNETES}/cmd/{name}"]
        run_tool(command, f"{name} {version}", cwd=Path(module), CGO_ENABLED="0")


def go_mod(version: str, theirs: str) -> str:
    """Return a go.mod in which a release of Kubernetes can be built.

    Kubernetes requires its own k8s.io modules at v0.0.0, so each of them is replaced by the release that goes with it.

    Args:
        version: of Kubernetes.
        theirs: the go.mod of that release.
    """
    own = sorted(set(re.findall(r"^\s*(k8s\.io/[a-z-]+) v0\.0\.0\b(?!-)", theirs, re.MULTILINE)))
    released = f"v0.{version.partition('.')[2]}"
    (language,) = re.findall(r"^go ([\d.]+)", theirs, re.MULTILINE)
    lines = ["module release", f"go {language}", f"require {_KUBERNETES} v{version}"]
    return "\n".join([*lines, *(f"replace {name} => {name} {released}" for name in own)]) + "\n"

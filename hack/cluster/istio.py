"""Istio's own definitions of its kinds, from its Go module: what the API servers of hack/cluster and hack/mesh serve.

The module has no usable tags on Go's proxy, so it is pinned by commit; Go's checksum database vouches for it.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from hack.cluster.binaries import cache_of, fill, run_tool

ISTIO = "v0.0.0-20260827124520-eed52ebb66ad"  # of what becomes 1.31
_DEFINITIONS = "istio-crds.yaml"
_IN_MODULE = "manifests/charts/base/files/crd-all.gen.yaml"


def find_definitions(say: Callable[[str], None]) -> Path:
    """Return the file with the definitions, after fetching the module if need be; BuildError if that fails.

    Args:
        say: told what is being fetched.
    """
    return fill(cache_of(ISTIO.encode()), (_DEFINITIONS,), _make, say, "seconds") / _DEFINITIONS


def _make(go: str, name: str, directory: Path) -> None:
    said = run_tool([go, "mod", "download", "-json", f"istio.io/istio@{ISTIO}"], name, GOFLAGS="-mod=mod")
    shutil.copyfile(Path(json.loads(said)["Dir"]) / _IN_MODULE, directory / name)

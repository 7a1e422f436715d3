"""The definitions of kinds that belong to others, from their own Go modules: what the API servers here serve."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hack.cluster.binaries import cache_of, fill, run_tool

ISTIO = "v0.0.0-20260827124520-eed52ebb66ad"  # of what becomes 1.31; its tags are of no use to Go's proxy


@dataclass(frozen=True, slots=True)
class Definitions:
    """Files of a Go module at a version, for which Go's checksum database vouches."""

    name: str
    module: str
    version: str
    files: str  # a pattern


EVERYBODYS = (
    Definitions("istio", "istio.io/istio", ISTIO, "manifests/charts/base/files/crd-all.gen.yaml"),
    # Gateways, their classes, and routes of HTTP and gRPC: that of TLS cannot be served by Kubernetes before 1.31.
    Definitions("gateway-api", "sigs.k8s.io/gateway-api", "v1.6.0", "config/crd/standard/gateway.*_[gh]*.yaml"),
)


def find_definitions(say: Callable[[str], None]) -> Sequence[Path]:
    """Return a file of definitions for each module, after fetching it if need be; BuildError if that fails.

    Args:
        say: told what is being fetched.
    """
    return [_find(definitions, say) for definitions in EVERYBODYS]


def _find(wanted: Definitions, say: Callable[[str], None]) -> Path:
    directory = cache_of(f"{wanted}".encode())
    name = f"{wanted.name}-crds.yaml"
    return fill(directory, (name,), partial(_make, wanted), say, "seconds") / name


def _make(wanted: Definitions, go: str, name: str, directory: Path) -> None:
    said = run_tool([go, "mod", "download", "-json", f"{wanted.module}@{wanted.version}"], name, GOFLAGS="-mod=mod")
    files = sorted(Path(json.loads(said)["Dir"]).glob(wanted.files))
    (directory / name).write_text("\n---\n".join(file.read_text(encoding="utf-8") for file in files), encoding="utf-8")

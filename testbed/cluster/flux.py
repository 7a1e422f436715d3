"""Flux' own definition of HelmRelease, made from the types in its Go module, by the tool that Flux makes it with.

The module of the controller holds the definition itself, with hundreds of others behind it; that of the types is small.
"""

import json
from collections.abc import Callable
from pathlib import Path

from testbed.cluster.binaries import cache_of, fill, install, run_tool

API = "github.com/fluxcd/helm-controller/api@v1.4.5"
TOOL = "sigs.k8s.io/controller-tools/cmd/controller-gen@v0.19.0"
DEFINITION = "helm.toolkit.fluxcd.io_helmreleases.yaml"


def find_definition(say: Callable[[str], None]) -> Path:
    """Return the file with the definition, after making it if need be; BuildError if that fails.

    Args:
        say: told what is being made.
    """
    return fill(cache_of(f"{API} {TOOL}".encode()), (DEFINITION,), _make, say, "a minute") / DEFINITION


def _make(go: str, name: str, directory: Path) -> None:
    install(go, TOOL, directory)
    said = run_tool([go, "mod", "download", "-json", API], name, GOFLAGS="-mod=mod")
    module = Path(json.loads(said)["Dir"])
    command = [str(directory / "controller-gen"), "crd", "paths=./v2/...;./v2beta2/...", f"output:crd:dir={directory}"]
    run_tool(command, name, cwd=module)

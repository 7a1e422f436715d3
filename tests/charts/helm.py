"""Calls helm, and reads what it renders."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHARTS = ROOT / "charts"
OURS = ("app.kubernetes.io/", "helm.sh/")  # labels that Helm's users expect and plain manifests do without


class HelmError(Exception):
    """Helm has refused something; the message is its own."""


class Helm:
    """A helm whose settings, caches and data are in a directory of its own."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program = program
        places = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(home), **places}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._program, *arguments], env=self._environ, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode:
            raise HelmError(done.stdout + done.stderr)
        return done.stdout

    def objects(self, chart: str, *arguments: str, release: str = "", namespace: str = "") -> "Objects":
        """Render a chart as ``helm template`` does."""
        release = release or chart.removesuffix("-flagger")
        namespace = namespace or ("istio-system" if chart == "flagger" else "test")
        printed = self("template", release, str(CHARTS / chart), "--namespace", namespace, *arguments)
        found = [item for obj in yaml.safe_load_all(printed) if obj for item in obj.get("items", [obj])]
        return Objects([obj for obj in found if "helm.sh/hook" not in obj["metadata"].get("annotations", {})])


class Objects(list[Json]):
    """Manifests."""

    def of(self, *kinds: str) -> "Objects":
        return Objects([obj for obj in self if obj["kind"] in kinds])

    def one(self, kind: str) -> Json:
        (found,) = self.of(kind)
        return found

    def names(self, *kinds: str) -> list[tuple[str, str]]:
        """Return (namespace, name) of the objects of some kinds."""
        return sorted((obj["metadata"].get("namespace", ""), obj["metadata"]["name"]) for obj in self.of(*kinds))

    def pod(self) -> Json:
        spec: Json = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    def container(self) -> Json:
        (found,) = self.pod()["containers"]
        container: Json = found
        return container

    def environ(self) -> dict[str, str]:
        """Return the variables of the container that have a value."""
        return {variable["name"]: variable["value"] for variable in self.container()["env"] if "value" in variable}


def given(**values: Any) -> list[str]:
    """Return the arguments that set values, whatever they are."""
    return [argument for name, value in values.items() for argument in ("--set-json", f"{name}={json.dumps(value)}")]


def manifests(*paths: str) -> Objects:
    """Return the objects of plain manifests, named below artifacts/."""
    files: Sequence[Path] = [ROOT / "artifacts" / path for path in paths]
    return Objects([obj for path in files for obj in yaml.safe_load_all(path.read_text()) if obj])


def without_labels(obj: Json) -> Json:
    """Return an object without the labels that only Helm gives, wherever they are."""
    metadata = dict(obj["metadata"])
    metadata["labels"] = {k: v for k, v in metadata.get("labels", {}).items() if not k.startswith(OURS)}
    if not metadata["labels"]:
        del metadata["labels"]
    return {**obj, "metadata": metadata}

"""Deployments: the view that is cached of one, and the adapter that scales and promotes them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deploy.revision import fingerprint
from deploy.template import copy_operations, template_of
from deploy.types import PROMOTED_ANNOTATION, Template, Workload
from informers.errors import ConflictError
from informers.resources import DEPLOYMENTS
from informers.types import Cache, Json, Unreadable, Writer

_DEADLINE_EXCEEDED = ("Progressing", "False", "ProgressDeadlineExceeded")


def view(obj: Mapping[str, Any], previous: Workload | None) -> Workload:
    """Return the cached view of a Deployment.

    Args:
        obj: the object as the API server sent it.
        previous: the view of the same name before; its template is taken over while uid and generation are unmoved,
            since fingerprints are the dear part.

    Raises:
        KeyError, TypeError, ValueError: the object is not a Deployment with a template and a selector.
    """
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    generation = meta.get("generation", 0)
    replicas = spec.get("replicas")
    return Workload(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=generation,
        observed_generation=status.get("observedGeneration") or 0,
        replicas=1 if replicas is None else replicas,
        current_replicas=status.get("replicas") or 0,
        updated_replicas=status.get("updatedReplicas") or 0,
        available_replicas=status.get("availableReplicas") or 0,
        paused=bool(spec.get("paused")),
        deadline_exceeded=any(
            (c.get("type"), c.get("status"), c.get("reason")) == _DEADLINE_EXCEEDED
            for c in status.get("conditions") or ()
        ),
        template=_template(obj, previous, meta["uid"], generation),
        promoted=(meta.get("annotations") or {}).get(PROMOTED_ANNOTATION, ""),
    )


def _template(obj: Mapping[str, Any], previous: Workload | None, uid: str, generation: int) -> Template:
    if previous is not None and (previous.uid, previous.generation) == (uid, generation):
        return previous.template
    return template_of(obj)


@dataclass(frozen=True, slots=True)
class DeploymentDeployer:
    """Fulfils ``deploy.types.Deployer`` for Deployments."""

    cache: Cache[Workload]
    writer: Writer

    def look(self, namespace: str, name: str) -> Workload | Unreadable | None:
        """Return the Deployment as the cache has it, or None if it does not exist."""
        return self.cache.get(namespace, name)

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Set the desired number of pods by the scale subresource; see ``Deployer.scale``."""
        answer = self.writer.merge_patch(
            DEPLOYMENTS,
            workload.namespace,
            workload.name,
            {"metadata": {"resourceVersion": workload.resource_version}, "spec": {"replicas": replicas}},
            subresource="scale",
        )
        # The answer is a Scale. It has no generation, which our own change has moved by one.
        moved = 1 if replicas != workload.replicas else 0
        amended = replace(
            workload,
            replicas=answer["spec"].get("replicas", 0),
            resource_version=answer["metadata"]["resourceVersion"],
            generation=workload.generation + moved,
        )
        self.cache.write_through_view(amended)

    def copy_template(self, source: Workload, target: Workload, *, stamp: str) -> None:
        """Copy the template and stamp the target; see ``Deployer.copy_template``."""
        source_obj = self.writer.get(DEPLOYMENTS, source.namespace, source.name)
        if not _is_analysed(source, source_obj):
            raise ConflictError(
                f"the template of deployment {source.name}.{source.namespace} is no longer revision "
                f"{source.template.revision}, which was analysed; nothing was copied"
            )
        target_obj = self.writer.get(DEPLOYMENTS, target.namespace, target.name)
        _same(target, target_obj)
        operations = copy_operations(source_obj, target_obj, stamp)
        self.cache.write_through(self.writer.json_patch(DEPLOYMENTS, target.namespace, target.name, operations))


def _is_analysed(view: Workload, obj: Json) -> bool:
    """Whether the live template is the one of the view: by generation, or by fingerprint if only the scale moved."""
    meta = obj["metadata"]
    unmoved = (meta["uid"], meta["generation"]) == (view.uid, view.generation)
    return unmoved or fingerprint(obj["spec"]["template"]) == view.template.revision


def _same(view: Workload, obj: Json) -> None:
    meta = obj["metadata"]
    if (meta["uid"], meta["generation"]) != (view.uid, view.generation):
        raise ConflictError(f"deployment {view.name}.{view.namespace} changed since it was read; nothing was copied")

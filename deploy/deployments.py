"""Deployments: the view that is cached of one, and the adapter that scales and promotes them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deploy.kinds import WorkloadKind
from deploy.revision import fingerprint
from deploy.template import copy_operations, template_of
from deploy.types import FENCE_ANNOTATION, PROMOTED_ANNOTATION, Template, Workload
from informers.errors import ConflictError, InvalidError
from informers.fields import HIGHEST_INT32, items, mapping, text, whole
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind, Resource
from informers.types import Cache, FieldError, Json, Unreadable, Writer

DEPLOYMENTS = ApiKind("apps", ("v1",), "deployments", "Deployment")
_DEADLINE_EXCEEDED = ("False", "ProgressDeadlineExceeded")
_DEFAULT_DEADLINE = 600  # seconds, as Kubernetes has it
_YEARS = range(1970, 9900)  # so that adding a deadline never overflows


def view(obj: Mapping[str, Any], previous: Workload | None) -> Workload:
    """Return the cached view of a Deployment.

    Args:
        obj: the object as the API server sent it.
        previous: the view of the same name before; its template is taken over while uid and generation are unmoved,
            since fingerprints are the dear part.

    Raises:
        FieldError: a field is not what it must be.
        KeyError, TypeError, ValueError: the object is not a Deployment with a template and a selector.
    """
    meta, spec, status = obj["metadata"], mapping(obj, "spec", ""), mapping(obj, "status", "")
    conditions = items(status, "conditions", "status.")
    progressing, replica_failure = _condition(conditions, "Progressing"), _condition(conditions, "ReplicaFailure")
    generation = whole(meta, "generation", "metadata.")
    annotations = mapping(meta, "annotations", "metadata.")
    return Workload(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=generation,
        observed_generation=whole(status, "observedGeneration", "status."),
        replicas=whole(spec, "replicas", "spec.", default=1, highest=HIGHEST_INT32),
        current_replicas=whole(status, "replicas", "status.", highest=HIGHEST_INT32),
        updated_replicas=whole(status, "updatedReplicas", "status.", highest=HIGHEST_INT32),
        available_replicas=whole(status, "availableReplicas", "status.", highest=HIGHEST_INT32),
        paused=bool(spec.get("paused")),
        deadline_exceeded=(progressing.get("status"), progressing.get("reason")) == _DEADLINE_EXCEEDED,
        progress_deadline=_progress_deadline(spec),
        resumed_at=_resumed_at(progressing),
        failure=str(replica_failure.get("message") or "") if replica_failure.get("status") == "True" else "",
        template=_template(obj, previous, meta["uid"], generation),
        promoted=text(annotations, PROMOTED_ANNOTATION, "metadata.annotations."),
        fenced=text(annotations, FENCE_ANNOTATION, "metadata.annotations."),
    )


def _condition(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    """Return the condition of a type, of which there is one at most; empty if there is none."""
    return next((c for c in conditions if c.get("type") == kind), {})


def _progress_deadline(spec: Mapping[str, Any]) -> timedelta:
    field = "progressDeadlineSeconds"
    return timedelta(seconds=whole(spec, field, "spec.", default=_DEFAULT_DEADLINE, highest=HIGHEST_INT32))


def _resumed_at(progressing: Mapping[str, Any]) -> datetime | None:
    updated = progressing.get("lastUpdateTime")
    if progressing.get("reason") != "DeploymentResumed" or updated is None:
        return None
    resumed = datetime.fromisoformat(updated)
    if resumed.tzinfo is None:
        raise FieldError(f"lastUpdateTime of condition Progressing has no time zone: {updated}")
    if resumed.year not in _YEARS:
        raise FieldError(f"lastUpdateTime of condition Progressing must be a time between 1970 and 9899, not {updated}")
    return resumed


def _template(obj: Mapping[str, Any], previous: Workload | None, uid: str, generation: int) -> Template:
    if previous is not None and (previous.uid, previous.generation) == (uid, generation):
        return previous.template
    return template_of(obj)


@dataclass(frozen=True, slots=True)
class DeploymentDeployer:
    """Fulfils ``deploy.types.Deployer`` for Deployments."""

    cache: Cache[Workload]
    writer: Writer
    resource: Callable[[], Resource]

    def look(self, namespace: str, name: str) -> Workload | Unreadable | None:
        """Return the Deployment as the cache has it, or None if it does not exist."""
        return self.cache.get(namespace, name)

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Set the desired number of pods by the scale subresource; see ``Deployer.scale``."""
        answer = self.writer.merge_patch(
            self.resource(),
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

    def fence(self, workload: Workload) -> None:
        """Note the version that was read in an annotation, which gives the object another; see ``Deployer.fence``."""
        version = workload.resource_version
        metadata = {"resourceVersion": version, "annotations": {FENCE_ANNOTATION: version}}
        answer = self.writer.merge_patch(self.resource(), workload.namespace, workload.name, {"metadata": metadata})
        self.cache.write_through(answer)

    def copy_template(self, source: Workload, target: Workload, *, stamp: str, identity: Collection[str] = ()) -> None:
        """Copy the template and stamp the target; see ``Deployer.copy_template``."""
        source_obj = self.writer.get(self.resource(), source.namespace, source.name)
        if not _is_analysed(source, source_obj):
            raise ConflictError(
                f"the template of deployment {source.name}.{source.namespace} is no longer revision "
                f"{source.template.revision}, which was analysed; nothing was copied"
            )
        target_obj = self.writer.get(self.resource(), target.namespace, target.name)
        _same(target, target_obj)
        operations = copy_operations(source_obj, target_obj, stamp, identity)
        answer = self.writer.json_patch(self.resource(), target.namespace, target.name, operations)
        self.cache.write_through(answer)
        if (answer["metadata"].get("annotations") or {}).get(PROMOTED_ANNOTATION) != stamp:
            raise InvalidError(
                f"patch deployments {target.name}: the copy was accepted without annotation {PROMOTED_ANNOTATION}: an "
                "admission webhook removes it"
            )


def _is_analysed(view: Workload, obj: Json) -> bool:
    """Whether the live template is the one of the view: by generation, or by fingerprint if only the scale moved."""
    meta = obj["metadata"]
    unmoved = (meta["uid"], meta["generation"]) == (view.uid, view.generation)
    return unmoved or fingerprint(obj["spec"]["template"]) == view.template.revision


def _same(view: Workload, obj: Json) -> None:
    """Hold against what was decided on. A status may change meanwhile: a busy one would never let a copy through."""
    meta = obj["metadata"]
    fenced = (meta.get("annotations") or {}).get(FENCE_ANNOTATION, "")
    if (meta["uid"], meta["generation"], fenced) != (view.uid, view.generation, view.fenced):
        raise ConflictError(f"deployment {view.name}.{view.namespace} changed since it was read; nothing was copied")


DEPLOYMENT = WorkloadKind(
    WatchedKind(
        DEPLOYMENTS,
        view,
        verbs={"": ("get", *READ, "patch"), "scale": ("patch",)},
        discovered=False,
    ),
    DeploymentDeployer,
)

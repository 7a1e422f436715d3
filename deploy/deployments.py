"""Deployments: the view that is cached of one, and the adapter that scales and promotes them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deploy.revision import fingerprint
from deploy.template import copy_operations, template_of
from deploy.types import PROMOTED_ANNOTATION, Template, Workload
from informers.errors import ConflictError
from informers.resources import DEPLOYMENTS
from informers.types import Cache, Json, Unreadable, Writer

_DEADLINE_EXCEEDED = ("False", "ProgressDeadlineExceeded")
_DEFAULT_DEADLINE = 600  # seconds, as Kubernetes has it
_NO_DEADLINE = 2**31 - 1  # seconds; the largest that the API server takes, and Kubernetes' word for "never"


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
    progressing, replica_failure = _condition(status, "Progressing"), _condition(status, "ReplicaFailure")
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
        deadline_exceeded=(progressing.get("status"), progressing.get("reason")) == _DEADLINE_EXCEEDED,
        progress_deadline=_progress_deadline(spec),
        resumed_at=_resumed_at(progressing),
        failure=str(replica_failure.get("message") or "") if replica_failure.get("status") == "True" else "",
        template=_template(obj, previous, meta["uid"], generation),
        promoted=(meta.get("annotations") or {}).get(PROMOTED_ANNOTATION, ""),
    )


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the condition of a type, of which there is one at most; empty if there is none."""
    return next((c for c in status.get("conditions") or () if c.get("type") == kind), {})


def _progress_deadline(spec: Mapping[str, Any]) -> timedelta:
    """Return the deadline; a number that the API server would refuse must not become another kind of error here."""
    seconds = spec.get("progressDeadlineSeconds")
    if seconds is None:
        seconds = _DEFAULT_DEADLINE
    if type(seconds) is not int or not 0 <= seconds <= _NO_DEADLINE:
        raise ValueError(f"spec.progressDeadlineSeconds must be a whole number of seconds, not {seconds!r}")
    return timedelta(seconds=seconds)


def _resumed_at(progressing: Mapping[str, Any]) -> datetime | None:
    text = progressing.get("lastUpdateTime")
    if progressing.get("reason") != "DeploymentResumed" or text is None:
        return None
    resumed = datetime.fromisoformat(text)
    if resumed.tzinfo is None:
        raise ValueError(f"lastUpdateTime of condition Progressing has no time zone: {text}")
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

    def copy_template(self, source: Workload, target: Workload, *, stamp: str, identity: Collection[str] = ()) -> None:
        """Copy the template and stamp the target; see ``Deployer.copy_template``."""
        source_obj = self.writer.get(DEPLOYMENTS, source.namespace, source.name)
        if not _is_analysed(source, source_obj):
            raise ConflictError(
                f"the template of deployment {source.name}.{source.namespace} is no longer revision "
                f"{source.template.revision}, which was analysed; nothing was copied"
            )
        target_obj = self.writer.get(DEPLOYMENTS, target.namespace, target.name)
        _same(target, target_obj)
        operations = copy_operations(source_obj, target_obj, stamp, identity)
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

"""Deployments: the view that is cached of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from deploy.kinds import WorkloadKind
from deploy.metadata import ANNOTATIONS, metadata
from deploy.templated import TemplateDeployer, template
from deploy.types import PROGRESS_DEADLINE, Workload
from informers.fields import HIGHEST_INT32, items, mapping, whole
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.shapes import Shape
from informers.types import FieldError

DEPLOYMENTS = ApiKind("apps", ("v1",), "deployments", "Deployment")
_DEADLINE_EXCEEDED = ("False", "ProgressDeadlineExceeded")
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
    spec, status = mapping(obj, "spec", ""), mapping(obj, "status", "")
    conditions = items(status, "conditions", "status.")
    progressing, replica_failure = _condition(conditions, "Progressing"), _condition(conditions, "ReplicaFailure")
    return Workload(
        **metadata(obj),
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
        template=template(obj, previous),
    )


def _condition(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    """Return the condition of a type, of which there is one at most; empty if there is none."""
    return next((c for c in conditions if c.get("type") == kind), {})


def _progress_deadline(spec: Mapping[str, Any]) -> timedelta:
    field = "progressDeadlineSeconds"
    default = int(PROGRESS_DEADLINE.total_seconds())
    return timedelta(seconds=whole(spec, field, "spec.", default=default, highest=HIGHEST_INT32))


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


DEPLOYMENT = WorkloadKind(
    WatchedKind(
        DEPLOYMENTS,
        view,
        verbs={"": ("get", *READ, "patch"), "scale": ("patch",)},
        discovered=False,
        shape=Shape(
            spec=("replicas", "paused", "progressDeadlineSeconds", "selector", "template"),
            status=("observedGeneration", "replicas", "updatedReplicas", "availableReplicas", "conditions"),
            annotations=ANNOTATIONS,
        ),
    ),
    TemplateDeployer,
)

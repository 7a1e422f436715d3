"""StatefulSets: the view that is cached of one.

Their volume claims are nobody's business here: a claim belongs to a pod by its name, which is never that of the other
side. What Kubernetes has no field for in a StatefulSet (paused, a progress deadline, why pods cannot be created) is as
if it were not set in a Deployment.
"""

from collections.abc import Mapping
from typing import Any

from deploy.kinds import WorkloadKind
from deploy.metadata import ANNOTATIONS, metadata
from deploy.templated import TemplateDeployer, template
from deploy.types import Workload
from informers.fields import HIGHEST_INT32, mapping, text, whole
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.shapes import Shape

STATEFUL_SETS = ApiKind("apps", ("v1",), "statefulsets", "StatefulSet")
HELD = "its partition keeps all pods at the old template"


def view(obj: Mapping[str, Any], previous: Workload | None) -> Workload:
    """Return the cached view of a StatefulSet.

    Pods that a partition keeps at their old template count as updated: somebody wants them so. If it keeps all of them,
    no pod runs the template that would be judged, or was promoted, and the rollout waits. With ``OnDelete`` a pod is
    updated when somebody deletes it; until then the rollout waits.

    Args:
        obj: the object as the API server sent it.
        previous: the view of the same name before, whose template is taken over while nothing in the spec has moved.

    Raises:
        FieldError: a field is not what it must be.
        KeyError, TypeError, ValueError: the object is not a StatefulSet with a template and a selector.

    Source: the rules of ``kubectl rollout status statefulset``.
    """
    spec, status = mapping(obj, "spec", ""), mapping(obj, "status", "")
    strategy = mapping(mapping(spec, "updateStrategy", "spec."), "rollingUpdate", "spec.updateStrategy.")
    partition = whole(strategy, "partition", "spec.updateStrategy.rollingUpdate.", highest=HIGHEST_INT32)
    current = whole(status, "replicas", "status.", highest=HIGHEST_INT32)
    updated = whole(status, "updatedReplicas", "status.", highest=HIGHEST_INT32)
    replicas = whole(spec, "replicas", "spec.", default=1, highest=HIGHEST_INT32)
    all_held = current > 0 and max(current, replicas) <= partition
    why = HELD if all_held and not updated and _is_between_revisions(status) else ""
    return Workload(
        **metadata(obj),
        observed_generation=whole(status, "observedGeneration", "status."),
        replicas=replicas,
        current_replicas=current,
        updated_replicas=updated if why else max(updated, min(current, updated + partition)),
        available_replicas=whole(status, "availableReplicas", "status.", highest=HIGHEST_INT32),
        failure=why,
        template=template(obj, previous),
        unready=why,
    )


def _is_between_revisions(status: Mapping[str, Any]) -> bool:
    current, update = (text(status, field, "status.") for field in ("currentRevision", "updateRevision"))
    return current != update


STATEFUL_SET = WorkloadKind(
    WatchedKind(
        STATEFUL_SETS,
        view,
        verbs={"": ("get", *READ, "patch"), "scale": ("patch",)},
        discovered=False,
        shape=Shape(
            spec=("replicas", "updateStrategy", "selector", "template"),
            status=(
                "observedGeneration",
                "replicas",
                "updatedReplicas",
                "availableReplicas",
                "currentRevision",
                "updateRevision",
            ),
            annotations=ANNOTATIONS,
        ),
        grant="statefulSets",
    ),
    TemplateDeployer,
)

"""DaemonSets: the view that is cached of one, and how its pods are put away and brought back.

Nobody can ask for a number of them: there is one on each node that fits. Scaling to 0 is a node selector that no node
fits (``deploy.parking``), and scaling to any other number takes it away again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.kinds import WorkloadKind
from deploy.metadata import ANNOTATIONS, metadata
from deploy.parking import PARKED_LABEL, PARKED_VALUE, is_parked
from deploy.templated import TemplateDeployer, template
from deploy.types import Workload
from informers.fields import HIGHEST_INT32, mapping, whole
from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from informers.shapes import Shape

DAEMON_SETS = ApiKind("apps", ("v1",), "daemonsets", "DaemonSet")
NO_NODE = "no node fits its pods"


def view(obj: Mapping[str, Any], previous: Workload | None) -> Workload:
    """Return the cached view of a DaemonSet.

    One that is not parked wants a pod even where no node fits: it waits for a node, and asking again would not help.
    With ``OnDelete`` a pod is updated when somebody deletes it; until then the rollout waits.

    Args:
        obj: the object as the API server sent it.
        previous: the view of the same name before, whose template is taken over while nothing in the spec has moved.

    Raises:
        FieldError: a field is not what it must be.
        KeyError, TypeError, ValueError: the object is not a DaemonSet with a template and a selector.

    Source: the rules of ``kubectl rollout status daemonset``.
    """
    common, status = metadata(obj), mapping(obj, "status", "")
    observed = whole(status, "observedGeneration", "status.")
    desired = _count(status, "desiredNumberScheduled")
    parked = is_parked(obj["spec"]["template"]["spec"])
    why = NO_NODE if not parked and not desired and observed >= common["generation"] else ""
    return Workload(
        **common,
        observed_generation=observed,
        replicas=0 if parked else max(desired, 1),
        current_replicas=_count(status, "currentNumberScheduled"),
        updated_replicas=_count(status, "updatedNumberScheduled"),
        available_replicas=_count(status, "numberAvailable"),
        failure=why,
        template=template(obj, previous),
        per_node=True,
        unready=why,
    )


def _count(status: Mapping[str, Any], field: str) -> int:
    return whole(status, field, "status.", highest=HIGHEST_INT32)


@dataclass(frozen=True, slots=True)
class DaemonSetDeployer(TemplateDeployer):
    """Fulfils ``deploy.types.Deployer``."""

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Park the pods for 0, and bring them back for any other number; see ``Deployer.scale``."""
        selector = {PARKED_LABEL: None if replicas else PARKED_VALUE}
        answer = self.writer.merge_patch(
            self.resource(),
            workload.namespace,
            workload.name,
            {
                "metadata": {"resourceVersion": workload.resource_version},
                "spec": {"template": {"spec": {"nodeSelector": selector}}},
            },
        )
        self.cache.write_through(answer)


DAEMON_SET = WorkloadKind(
    WatchedKind(
        DAEMON_SETS,
        view,
        verbs={"": ("get", *READ, "patch")},
        discovered=False,
        grant="daemonSets",
        shape=Shape(
            spec=("selector", "template"),
            status=(
                "observedGeneration",
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "updatedNumberScheduled",
                "numberAvailable",
            ),
            annotations=ANNOTATIONS,
        ),
    ),
    DaemonSetDeployer,
)

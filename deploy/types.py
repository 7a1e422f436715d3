"""The vocabulary of deploying: workloads, revisions, and what a deployer can do. Pure.

A new workload kind is one adapter that fulfils ``Deployer``, one line in ``deploy.registry``, and RBAC.
"""

from dataclasses import dataclass
from typing import Protocol

from informers.types import Unreadable

PROMOTED_ANNOTATION = "flagger.app/promoted"
"""On the primary's metadata: which rollout was copied here last (``Stamp``), written by the copy itself."""


@dataclass(frozen=True, slots=True)
class Template:
    """What is compared of a pod template, without holding it."""

    revision: str  # fingerprint of the whole template, a decimal number (deploy.revision)
    body: str  # fingerprint of pod spec and annotations: what a promotion copies besides labels
    labels: tuple[tuple[str, str], ...]  # sorted
    selector: tuple[str, ...]  # sorted label keys of the workload's selector: its identity, never copied


@dataclass(frozen=True, slots=True)
class Workload:
    """View of a Deployment (or what takes its place): what the gates need."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int  # of the spec; any change of it adds one
    observed_generation: int  # the generation that the numbers below speak of
    replicas: int  # desired; Kubernetes' default is 1
    current_replicas: int  # status.replicas: pods of all revisions
    updated_replicas: int  # pods of the newest template
    available_replicas: int  # pods that have been ready for long enough
    paused: bool
    deadline_exceeded: bool  # condition Progressing is False for ProgressDeadlineExceeded
    template: Template
    promoted: str  # value of PROMOTED_ANNOTATION, or ""


class Deployer(Protocol):
    """Reads workloads from a cache; scales them; copies a template. Each write has a precondition."""

    def look(self, namespace: str, name: str) -> Workload | Unreadable | None:
        """Return the workload as the cache has it, or None if it does not exist."""

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Set the desired number of pods by the scale subresource, and nothing else.

        Raises:
            informers.errors.ConflictError: the workload changed since ``workload`` was read.
            informers.errors.ApiError: whatever else the API server said.
        """

    def copy_template(self, source: Workload, target: Workload, *, stamp: str) -> None:
        """Copy pod spec, template annotations and labels from ``source`` to ``target``, and stamp the target.

        The live template of the source is read and must still have ``source.template.revision``; labels of either
        selector stay what they are on the target.

        Raises:
            informers.errors.ConflictError: source or target changed since they were read.
            informers.errors.ApiError: whatever else the API server said.
        """

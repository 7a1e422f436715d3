"""Which workload kinds there are. A new one is an adapter with its value, and its place here."""

from collections.abc import Mapping

from deploy.deployments import DEPLOYMENT
from deploy.kinds import WorkloadKind

WORKLOADS: Mapping[str, WorkloadKind] = {kind.watched.api.kind: kind for kind in (DEPLOYMENT,)}
"""By ``spec.targetKind``."""

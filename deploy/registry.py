"""Which workload kinds there are. A new one is an adapter with its value, and its place here."""

from collections.abc import Mapping

from deploy.daemonsets import DAEMON_SET
from deploy.deployments import DEPLOYMENT
from deploy.kinds import WorkloadKind
from deploy.statefulsets import STATEFUL_SET

WORKLOADS: Mapping[str, WorkloadKind] = {kind.watched.api.kind: kind for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}
"""By ``spec.targetKind``."""

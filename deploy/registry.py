"""Which workload kinds there are. A new one is an adapter with its value, or a declaration, and its place here."""

from collections.abc import Mapping

from deploy.daemonsets import DAEMON_SET
from deploy.deployments import DEPLOYMENT
from deploy.flux import HELM_RELEASE
from deploy.kinds import WorkloadKind
from deploy.openfaas import FUNCTION
from deploy.statefulsets import STATEFUL_SET

CODED: Mapping[str, WorkloadKind] = {kind.watched.api.kind: kind for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}
"""With an adapter of their own, by ``spec.targetKind``: nobody can declare them anew."""

DECLARED: Mapping[str, WorkloadKind] = {kind.watched.api.kind: kind for kind in (HELM_RELEASE, FUNCTION)}
"""Likewise, by a declaration: an operator's own of that kind takes its place."""

WORKLOADS: Mapping[str, WorkloadKind] = {**CODED, **DECLARED}
"""All of them."""

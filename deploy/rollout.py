"""Whether a workload has converged. Pure."""

from deploy.types import Workload


def rollout_status(workload: Workload) -> str | None:  # noqa: PLR0911  # one rule after the other, as kubectl has them
    """Return why the rollout of a workload has not converged, or None if it has.

    A generation that the deployment controller has not observed yet counts as not converged, and so does a number of
    pods other than the desired one in either direction: an autoscaler is at work.

    Source: the rules of ``kubectl rollout status deployment``. For kubectl a DaemonSet that no node fits is complete.
    """
    w = workload
    if w.observed_generation < w.generation:
        return "the change of its spec is not observed yet"
    if w.unready:
        return w.unready
    if w.deadline_exceeded:
        return f"it exceeded its progress deadline with {w.available_replicas} of {w.replicas} replicas available"
    if w.updated_replicas < w.replicas:
        return f"{w.updated_replicas} of {w.replicas} replicas are updated"
    if w.current_replicas > w.updated_replicas:
        return f"{w.current_replicas - w.updated_replicas} of {w.current_replicas} running replicas are old"
    if w.available_replicas < w.updated_replicas:
        return f"{w.available_replicas} of {w.updated_replicas} updated replicas are available"
    if w.updated_replicas > w.replicas:
        return f"{w.updated_replicas} replicas are running, {w.replicas} are wanted"
    return None

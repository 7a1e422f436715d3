"""The kinds that are the controller's own business. Those of its parts are in ``deploy`` and ``router``."""

from informers.resources import Resource

APPLY_CRD = "kubectl apply --server-side -f artifacts/flagger/crd.yaml"
CANARIES = Resource("flagger.app", "v1beta1", "canaries", "Canary")
EVENTS = Resource("", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")

"""OpenFaaS' Functions: everything but the name is what is released.

``Ready`` says that the Deployment of a function is made or changed, and ``Healthy`` that a pod is ready; both are
asked for. The Community Edition writes no status, so nothing would notice a version that does not start: functions of
it never count as ready. Functions are scaled by OpenFaaS alone, and a canary keeps its pods between two rollouts.

Source: https://docs.openfaas.com/openfaas-pro/function-crd/
"""

from deploy.declaration import Declaration
from deploy.declared import declared_kind
from deploy.kstatus import READY
from informers.resources import ApiKind

FUNCTION = declared_kind(
    Declaration(
        ApiKind("openfaas.com", ("v1",), "functions", "Function"),
        fields=(("spec",),),
        identity=(("spec", "name"),),
        conditions=(READY, "Healthy"),
    ),
    grant="functions",
)

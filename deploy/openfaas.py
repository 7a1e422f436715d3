"""OpenFaaS' Functions: everything but the name is what is released.

The Community Edition writes no status, so a function counts as ready as soon as it has changed; other editions show
conditions, which count. Functions are scaled by OpenFaaS alone, and a canary keeps its pods between two rollouts.

Source: https://docs.openfaas.com/openfaas-pro/function-crd/
"""

from deploy.declaration import Declaration
from deploy.declared import declared_kind
from informers.resources import ApiKind

FUNCTION = declared_kind(
    Declaration(
        ApiKind("openfaas.com", ("v1",), "functions", "Function"),
        fields=(("spec",),),
        identity=(("spec", "name"),),
    ),
    grant="functions",
)

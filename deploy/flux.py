"""Flux' HelmReleases: a chart with its values is what is released.

Nothing parks a HelmRelease. ``spec.suspend`` stops Flux from carrying out changes and leaves the pods as they are, so
it counts as paused: somebody's own decision, that no rollout undoes. Between two rollouts a canary keeps its pods.

Source: https://fluxcd.io/flux/components/helm/helmreleases/
"""

from deploy.declaration import Declaration
from deploy.declared import declared_kind
from deploy.kstatus import READY
from informers.resources import ApiKind

HELM_RELEASE = declared_kind(
    Declaration(
        ApiKind("helm.toolkit.fluxcd.io", ("v2", "v2beta2"), "helmreleases", "HelmRelease"),
        # The chart as a whole: its version alone would take another chart, or another source, for the analysed one.
        fields=(("spec", "chart"), ("spec", "chartRef"), ("spec", "values")),
        # By these values most charts name what they make, and the labels that its Services select by.
        identity=(("spec", "values", "fullnameOverride"), ("spec", "values", "nameOverride")),
        paused=("spec", "suspend"),
        conditions=(READY,),
    ),
    grant="helmReleases",
)

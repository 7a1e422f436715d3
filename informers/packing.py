"""JSON kept as few bytes, for the day that somebody asks for it.

What is packed are parts of workloads and routes, which resemble each other: with a dictionary of what stands in nearly
all of them, a pod template of 1,300 bytes takes 200 to 400, at 5 µs.
"""

import json
import zlib
from typing import Any

from informers.shapes import encoded

_USUAL = (
    b'"matchExpressions":[{"key":"","operator":"In","values":[]}],"paused":true,"progressDeadlineSeconds":600,'
    b'"spec":{"http":[{"match":[{"uri":{"prefix":"/"}}],"timeout":"10s","retries":{"attempts":3},"route":[{"destination":'
    b'{"host":"","port":{"number":80}},"weight":100},{"destination":{"host":""},"weight":0}]}],"hosts":[],"gateways":'
    b'["mesh"],"selector":{"app.kubernetes.io/name":"","app.kubernetes.io/instance":""},"ports":[{"name":"http","port":'
    b'80,"protocol":"TCP","targetPort":8080}],"type":"ClusterIP","clusterIP":"10.","volumes":[{"name":"","configMap":'
    b'{"name":"","defaultMode":420}},{"emptyDir":{}}],"env":[{"name":"","value":""},{"name":"","valueFrom":{"fieldRef":'
    b'{"apiVersion":"v1","fieldPath":"metadata.name"},"secretKeyRef":{"key":""}}}],"envFrom":[{"secretRef":{"name":""}}]'
    b',"volumeMounts":[{"mountPath":"/","readOnly":true}],"serviceAccountName":"","serviceAccount":"","affinity":'
    b'{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"podAffinityTerm":{"labelSelector":'
    b'{"matchLabels":{}},"topologyKey":"kubernetes.io/hostname"},"weight":100}]}},"imagePullSecrets":[],'
    b'"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1,'
    b'"conditions":[{"type":"Available","status":"True","lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":'
    b'"2026-01-01T00:00:00Z","reason":"MinimumReplicasAvailable","message":"Deployment has minimum availability."},'
    b'{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable","message":"ReplicaSet \\"\\" has '
    b'successfully progressed."}]},"kind":"Deployment","metadata":{"generation":1,"name":"","namespace":"",'
    b'"resourceVersion":"","uid":"","creationTimestamp":"2026-01-01T00:00:00Z"},"annotations":{"prometheus.io/scrape":'
    b'"true","prometheus.io/port":"8080","sidecar.istio.io/inject":"true","checksum/config":""},"spec":{"replicas":1,'
    b'"selector":{"matchLabels":{"app":""}},"template":{"metadata":{"creationTimestamp":null,"annotations":{},"labels":'
    b'{"app":"","version":""}},"spec":{"containers":[{"name":"","image":"docker.io/","imagePullPolicy":"IfNotPresent",'
    b'"ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],"command":["--port=8080"],"args":["--"],'
    b'"livenessProbe":{"httpGet":{"path":"/healthz","port":"http","scheme":"HTTP"},"initialDelaySeconds":5,'
    b'"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},"readinessProbe":{"httpGet":'
    b'{"path":"/readyz","port":"http","scheme":"HTTP"},"initialDelaySeconds":5,"timeoutSeconds":1,"periodSeconds":10,'
    b'"successThreshold":1,"failureThreshold":3},"resources":{"limits":{"cpu":"1000m","memory":"256Mi"},"requests":'
    b'{"cpu":"100m","memory":"64Mi"}},"securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true},'
    b'"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"restartPolicy":"Always",'
    b'"terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":'
    b'"default-scheduler"}}'
)
"""The most usual last: what is near is named with fewer bits. Packed bytes live as long as the process, so it may
change."""

_LEVEL = 1
_WINDOW = -12  # 4 KiB, and no header
_MEMORY = 4  # of 9
_MOST_BRACKETS = 250
_PACKER = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _USUAL)
"""Is copied and never used itself: to read the dictionary takes as long as to pack."""


def pack(value: object) -> bytes | None:
    """Return decoded JSON as bytes, or None for what is not surely unpacked as it was, at any depth of the stack.

    That is what is nested deeply, or seems to be, and what msgspec does not write.
    """
    text = encoded(value)
    if text is None or text.count(b"{") + text.count(b"[") > _MOST_BRACKETS:
        return None
    packer = _PACKER.copy()
    return packer.compress(text) + packer.flush()


def unpack(packed: bytes) -> Any:  # noqa: ANN401  # JSON
    """Return what was packed."""
    return json.loads(zlib.decompressobj(_WINDOW, _USUAL).decompress(packed))

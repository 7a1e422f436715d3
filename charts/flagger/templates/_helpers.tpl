{{- define "flagger.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names end up in labels too, so 63 characters are all they may have; the longest suffix takes 16 of them. */}}
{{- define "flagger.fullname" -}}
{{- $name := include "flagger.name" . }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $full .Values.fullnameOverride | trunc 47 | trimSuffix "-" }}
{{- end }}

{{- define "flagger.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flagger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "flagger.labels" -}}
{{ include "flagger.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "flagger.serviceAccountName" -}}
{{- default (include "flagger.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{/* The environment: what prometheus.* means, and env, which wins where it says the same. */}}
{{- define "flagger.env" -}}
{{- with .Values.prometheus.tokenSecret }}
{{- if .name }}
- name: PROMETHEUS_TOKEN_FILE
  value: {{ printf "/prometheus-token/%s" .key }}
{{- end }}
{{- end }}
{{- if ne .Values.prometheus.method "POST" }}
- name: PROMETHEUS_METHOD
  value: {{ .Values.prometheus.method }}
{{- end }}
{{- with .Values.prometheus.parameters }}
- name: PROMETHEUS_PARAMETERS
  value: |
    {{- range $name, $value := . }}
    {{ $name }}={{ $value }}
    {{- end }}
{{- end }}
{{- with .Values.prometheus.headers }}
- name: PROMETHEUS_HEADERS
  value: |
    {{- range $name, $value := . }}
    {{ $name }}: {{ $value }}
    {{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "flagger.leaseNamespace" -}}
{{- default .Release.Namespace .Values.leaderElection.namespace }}
{{- end }}

{{/* What a binding binds its role to. */}}
{{- define "flagger.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "flagger.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{/* What the controller may do: exactly what it does. The same as in artifacts/flagger/account.yaml and, for kinds, artifacts/kinds. */}}
{{- define "flagger.rules" -}}
rules:
  # The objects of the user: the finalizer and the status are all that is written.
  - apiGroups: [flagger.app]
    resources: [canaries]
    verbs: [list, watch, patch]
  - apiGroups: [flagger.app]
    resources: [canaries/status]
    verbs: [patch]
  # The workloads: read whole when a template is promoted, patched with it, scaled.
  - apiGroups: [apps]
    resources: [deployments]
    verbs: [get, list, watch, patch]
  - apiGroups: [apps]
    resources: [deployments/scale]
    verbs: [patch]
  {{- if .Values.kinds.statefulSets }}
  - apiGroups: [apps]
    resources: [statefulsets]
    verbs: [get, list, watch, patch]
  - apiGroups: [apps]
    resources: [statefulsets/scale]
    verbs: [patch]
  {{- end }}
  {{- if .Values.kinds.daemonSets }}
  - apiGroups: [apps]
    resources: [daemonsets]
    verbs: [get, list, watch, patch]
  {{- end }}
  {{- if .Values.kinds.helmReleases }}
  - apiGroups: [helm.toolkit.fluxcd.io]
    resources: [helmreleases]
    verbs: [get, list, watch, patch]
  {{- end }}
  {{- if .Values.kinds.functions }}
  - apiGroups: [openfaas.com]
    resources: [functions]
    verbs: [get, list, watch, patch]
  {{- end }}
  {{- range .Values.declaredKinds }}
  - apiGroups: [{{ .group | quote }}]
    resources: [{{ .plural | quote }}]
    verbs: [get, list, watch, patch]
  {{- if dig "scale" "replicas" "" . }}
  - apiGroups: [{{ .group | quote }}]
    resources: [{{ printf "%s/scale" .plural | quote }}]
    verbs: [patch]
  {{- end }}
  {{- end }}
  # The weights.
  - apiGroups: [networking.istio.io]
    resources: [virtualservices]
    verbs: [list, watch, patch]
  {{- if .Values.kinds.httpRoutes }}
  - apiGroups: [gateway.networking.k8s.io]
    resources: [httproutes]
    verbs: [list, watch, patch]
  {{- end }}
  {{- if .Values.kinds.metricTemplates }}
  # The queries: only looked at.
  - apiGroups: [flagger.app]
    resources: [metrictemplates]
    verbs: [list, watch]
  {{- end }}
  # The destinations: only looked at.
  - apiGroups: [""]
    resources: [services]
    verbs: [list, watch]
  # With --namespace: whether it is being deleted, so that canary objects are released before the role goes.
  - apiGroups: [""]
    resources: [namespaces]
    verbs: [get, watch]
  - apiGroups: [""]
    resources: [events]
    verbs: [create, patch]
{{- end }}

{{/* Combinations that the schema cannot refuse in a sentence. */}}
{{- define "flagger.refuseWhatCannotWork" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection.enabled) }}
{{- fail "replicas is above 1 but leaderElection.enabled is false: every replica would step every canary. Enable leader election, or set replicas to 1." }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "serviceAccount.create is false but serviceAccount.name is empty: name the service account to use." }}
{{- end }}
{{- end }}

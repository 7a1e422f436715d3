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

{{/*
The environment: the flags, what prometheus.* means, and env, which wins where it says the same. Flags stand here and not
among the arguments, so that `flagger check` in the pod finds them as well.
*/}}
{{- define "flagger.env" -}}
{{- $named := dict }}
{{- range .Values.env }}{{ $_ := set $named .name true }}{{ end }}
{{- $env := list }}
{{- range include "flagger.ownEnv" . | fromYamlArray }}
{{- if not (hasKey $named .name) }}{{ $env = append $env . }}{{ end }}
{{- end }}
{{- concat $env .Values.env | toYaml }}
{{- end }}

{{- define "flagger.ownEnv" -}}
- name: FLAGGER_METRICS_SERVER
  value: {{ .Values.metricsServer | quote }}
{{- with .Values.allowedMetricsServers }}
- name: FLAGGER_ALLOW_METRICS_SERVER
  value: {{ uniq . | join "," | quote }}
{{- end }}
- name: FLAGGER_CONTROL_LOOP_INTERVAL
  value: {{ .Values.controlLoopInterval | quote }}
- name: FLAGGER_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: FLAGGER_WORKERS
  value: {{ int .Values.workers | quote }}
- name: FLAGGER_PORT
  value: "8080"
{{- with .Values.namespaces }}
- name: FLAGGER_NAMESPACE
  value: {{ uniq . | join "," | quote }}
{{- end }}
{{- if .Values.declaredKinds }}
- name: FLAGGER_KINDS
  value: /kinds/kinds.yaml
{{- end }}
{{- if .Values.leaderElection.enabled }}
- name: FLAGGER_ENABLE_LEADER_ELECTION
  value: "true"
{{- with .Values.leaderElection.namespace }}
- name: FLAGGER_LEADER_ELECTION_NAMESPACE
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .Values.dryRun }}
- name: FLAGGER_DRY_RUN
  value: "true"
{{- end }}
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
{{- end }}

{{- define "flagger.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag }}
{{- printf "%s%s%s" .Values.image.repository (hasPrefix "@" $tag | ternary "" ":") $tag }}
{{- end }}

{{/* The container, as the Deployment and the test of the release run it, without what is only for one of them. */}}
{{- define "flagger.container" -}}
image: {{ include "flagger.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "flagger.env" . | nindent 2 }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $mounts := .Values.volumeMounts }}
{{- if .Values.prometheus.tokenSecret.name }}
{{- $mounts = append $mounts (dict "name" "prometheus-token" "mountPath" "/prometheus-token" "readOnly" true) }}
{{- end }}
{{- if .Values.declaredKinds }}
{{- $mounts = append $mounts (dict "name" "kinds" "mountPath" "/kinds" "readOnly" true) }}
{{- end }}
{{- with $mounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What a pod of either needs besides. */}}
{{- define "flagger.pod" -}}
serviceAccountName: {{ include "flagger.serviceAccountName" . }}
# A Service named flagger would put FLAGGER_PORT=tcp://... into the environment, beside the flags' variables.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $volumes := .Values.volumes }}
{{- with .Values.prometheus.tokenSecret.name }}
{{- $volumes = append $volumes (dict "name" "prometheus-token" "secret" (dict "secretName" .)) }}
{{- end }}
{{- if .Values.declaredKinds }}
{{- $volumes = append $volumes (dict "name" "kinds" "configMap" (dict "name" (printf "%s-kinds" (include "flagger.fullname" .)))) }}
{{- end }}
{{- with $volumes }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
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
{{- if and .Values.rbac.create (not (or .Values.namespaces .Values.dryRun)) }}
{{- include "flagger.refuseBesideAnother" . }}
{{- end }}
{{- end }}

{{/*
Two controllers that look after the same canaries each step every one of them. Whoever installs one for all namespaces may
read the bindings of the cluster, so they tell of another release: of this chart or of another operator's of that name.
*/}}
{{- define "flagger.refuseBesideAnother" -}}
{{- $own := printf "%s/%s" .Release.Namespace .Release.Name }}
{{- range list "ClusterRoleBinding" "RoleBinding" }}
{{- range (lookup "rbac.authorization.k8s.io/v1" . "" "").items }}
{{- $labels := default dict .metadata.labels }}
{{- $notes := default dict .metadata.annotations }}
{{- $other := printf "%s/%s" (get $notes "meta.helm.sh/release-namespace") (get $notes "meta.helm.sh/release-name") }}
{{- if and (regexMatch "^flagger-[0-9]" (get $labels "helm.sh/chart")) (ne $other $own) }}
{{- fail (printf "the release %s is a controller of canaries already (%s %s): two would step the same canaries. Uninstall it, give each its own namespaces (value namespaces), or set dryRun." $other .kind .metadata.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

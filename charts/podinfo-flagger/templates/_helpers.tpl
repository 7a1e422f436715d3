{{- define "podinfo.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Pods of either side. Labels of Helm's have no place here: they would be copied by a promotion. */}}
{{- define "podinfo.template" -}}
metadata:
  annotations:
    prometheus.io/scrape: "true"
  labels:
    app: {{ .name }}
spec:
  containers:
    - name: podinfod
      image: {{ printf "%s:%s" .Values.image.repository .tag | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      ports:
        - name: http
          containerPort: 9898
          protocol: TCP
      command:
        - ./podinfo
        - --port=9898
        - --level=info
      livenessProbe:
        httpGet:
          path: /healthz
          port: http
        initialDelaySeconds: 5
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        initialDelaySeconds: 5
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}

{{- define "podinfo.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "podinfo.labels" . | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    app: {{ .name }}
  ports:
    - name: http
      port: 9898
      targetPort: 9898
{{- end }}

{{- define "podinfo.hpa" -}}
{{- if .Values.hpa.enabled }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "podinfo.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .side.replicas }}
  maxReplicas: {{ .side.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .Values.hpa.cpuUtilization }}
{{- end }}
{{- end }}

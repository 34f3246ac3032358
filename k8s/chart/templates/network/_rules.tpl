{{/* One policy: who may come in and where a component may go. A rule names a component of this
     chart and ports; cross-namespace and cidr rules are added by the caller as ready YAML. */}}
{{- define "harness.peer" -}}
- podSelector:
    matchLabels:
      {{- include "harness.selector" . | nindent 6 }}
{{- end }}

{{- define "harness.ports" -}}
ports:
{{- range . }}
  - {protocol: TCP, port: {{ . }}}
{{- end }}
{{- end }}

{{- define "harness.toComponent" -}}
- to:
    {{- include "harness.peer" .to | nindent 4 }}
  {{- include "harness.ports" .ports | nindent 2 }}
{{- end }}

{{- define "harness.toCidrs" -}}
{{- range . }}
- to:
    - ipBlock: {cidr: {{ .cidr | quote }}}
  {{- include "harness.ports" (list .port) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "harness.fromComponents" -}}
- from:
    {{- range .from }}
    {{- include "harness.peer" . | nindent 4 }}
    {{- end }}
  {{- include "harness.ports" .ports | nindent 2 }}
{{- end }}

{{- define "harness.fromNamespaces" -}}
{{- $ports := .ports }}
{{- range .from }}
- from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ . }}
  {{- include "harness.ports" $ports | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where flow code may go: Jobs, the service, the toolbox and the test pod alike. */}}
{{- define "harness.coreEgress" -}}
{{- if .Values.ollama.enabled }}
{{ include "harness.toComponent" (dict "to" "ollama" "ports" (list 11434)) }}
{{- else }}
{{ include "harness.toCidrs" .Values.networkPolicy.external.ollama }}
{{- end }}
{{ include "harness.qdrantEgress" . }}
{{ include "harness.prefectEgress" . }}
{{- end }}

{{- define "harness.qdrantEgress" -}}
{{- if .Values.qdrant.enabled }}
{{- include "harness.toComponent" (dict "to" "qdrant" "ports" (list 6333 6334)) }}
{{- else }}
{{- include "harness.toCidrs" .Values.networkPolicy.external.qdrant }}
{{- end }}
{{- end }}

{{- define "harness.prefectEgress" -}}
{{- if .Values.prefect.server.enabled }}
{{- include "harness.toComponent" (dict "to" "prefect-server" "ports" (list 4200)) }}
{{- else }}
{{- include "harness.toCidrs" .Values.networkPolicy.external.prefect }}
{{- end }}
{{- end }}

{{/* What backups need besides: Prefect's database, and object storage. */}}
{{- define "harness.backupEgress" -}}
{{- if include "harness.ownPostgres" . }}
{{- include "harness.toComponent" (dict "to" "postgres" "ports" (list 5432)) }}
{{- else if eq .Values.prefect.database.kind "external" }}
{{- include "harness.toCidrs" .Values.networkPolicy.external.postgres }}
{{- end }}
{{ include "harness.toCidrs" .Values.networkPolicy.objectStorage }}
{{- end }}

{{- define "harness.ownPostgres" -}}
{{- if and .Values.prefect.server.enabled (eq .Values.prefect.database.kind "postgres") }}yes{{ end }}
{{- end }}

{{/* The Jobs of backups: the labels come from the base job template. */}}
{{- define "harness.backupSelector" -}}
{{ include "harness.selector" "job" }}
harness/reach: backup
{{- end }}

{{- define "harness.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ include "harness.namespace" .root }}
  labels:
    {{- include "harness.labels" (dict "root" .root) | nindent 4 }}
{{- end }}

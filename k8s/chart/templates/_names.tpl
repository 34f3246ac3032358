{{/* One release per namespace: objects have fixed names, so that the job template, the docs and
     plain manifests can name them. */}}

{{- define "harness.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end }}

{{- define "harness.labels" -}}
app.kubernetes.io/part-of: harness
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- if .component }}
app.kubernetes.io/component: {{ .component }}
{{- end }}
{{- end }}

{{/* Selectors and NetworkPolicies use this label alone: the worker overwrites name, part-of and
     managed-by on the pods it creates. */}}
{{- define "harness.selector" -}}
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "harness.image" -}}
{{- with .root.Values.imageRegistry }}{{ trimSuffix "/" . }}/{{ end }}{{ .image }}
{{- end }}

{{- define "harness.keepAnnotation" -}}
{{- if .Values.keepVolumes }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{- define "harness.ollamaUrl" -}}
{{- if .Values.ollama.enabled }}http://ollama:11434{{ else }}{{ required "ollama.external.url is needed when ollama.enabled is false" .Values.ollama.external.url }}{{ end }}
{{- end }}

{{- define "harness.prefectApiUrl" -}}
{{- if .Values.prefect.server.enabled }}http://prefect-server.{{ include "harness.namespace" . }}.svc:4200/api{{ else }}{{ required "prefect.server.external.apiUrl is needed when prefect.server.enabled is false" .Values.prefect.server.external.apiUrl }}{{ end }}
{{- end }}

{{/* The address of Prefect's API for browsers: what the values say, else where it is published. */}}
{{- define "harness.uiApiUrl" -}}
{{- $published := .Values.ingress.enabled | ternary .Values.ingress .Values.httpRoute }}
{{- if .Values.prefect.server.uiApiUrl }}
{{- .Values.prefect.server.uiApiUrl }}
{{- else if and $published.enabled $published.prefectHost }}
{{- and .Values.ingress.enabled (not .Values.ingress.tlsSecret) | ternary "http" "https" }}://{{ $published.prefectHost }}/api
{{- else -}}
http://127.0.0.1:4200/api
{{- end }}
{{- end }}

{{- define "harness.qdrantScheme" -}}
{{- if .Values.qdrant.tls.existingSecret }}https{{ else }}http{{ end }}
{{- end }}

{{- define "harness.keeperEnabled" -}}
{{- if or .Values.ollama.keeper.enabled .Values.ollama.keeper.gateReadiness .Values.ollama.keeper.preload (gt (int .Values.ollama.replicas) 1) }}true{{ end }}
{{- end }}

{{- define "harness.claim" -}}
{{- $storage := .root.Values.harness.storage -}}
{{- index $storage (printf "existing%s" (title .name)) | default (printf "harness-%s" .name) -}}
{{- end }}

{{/* Whether object storage takes the place of a claim (`name`); empty: no. */}}
{{- define "harness.inStorage" -}}
{{- if or (and (eq .name "backups") .root.Values.backup.url) (and (eq .name "results") .root.Values.results.url) }}yes{{ end }}
{{- end }}

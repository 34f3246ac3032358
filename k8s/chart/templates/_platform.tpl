{{/* The facts of the chosen platform, as YAML. */}}
{{- define "harness.platform" -}}
{{- $all := .Files.Get "files/platforms.yaml" | fromYaml -}}
{{- $facts := $all.generic -}}
{{- /* Key by key: merging would take false and [] for missing. */}}
{{- range $name, $value := index $all .Values.platform }}{{ $_ := set $facts $name $value }}{{ end -}}
{{- toYaml $facts -}}
{{- end }}

{{- define "harness.fixedIds" -}}
{{- if (include "harness.platform" . | fromYaml).fixedIds }}true{{ end }}
{{- end }}

{{- define "harness.chatModel" -}}
{{- .Values.harness.chatModel | default (include "harness.platform" . | fromYaml).chatModel -}}
{{- end }}

{{/* Every address of the pod's first family. */}}
{{- define "harness.anyAddress" -}}
{{- if eq .Values.ipFamily "IPv6" }}::{{ else }}0.0.0.0{{ end }}
{{- end }}

{{/* HTTP proxies: what is inside the cluster is never asked through one. */}}
{{- define "harness.proxyEnv" -}}
{{- with .Values.proxy.url }}
HTTP_PROXY: {{ . | quote }}
HTTPS_PROXY: {{ . | quote }}
NO_PROXY: {{ concat (list "localhost" "127.0.0.1" "::1" ".svc" ".cluster.local" "ollama" "qdrant" "qdrant-headless" "prefect-server" "postgres") $.Values.proxy.noProxy | join "," | quote }}
{{- end }}
{{- end }}

{{- define "harness.trustEnabled" -}}
{{- if or .Values.privateCA.existingSecret .Values.qdrant.tls.existingSecret }}true{{ end }}
{{- end }}

{{/* Private authorities are added to the public ones. Each of these replaces a program's own list, so
     the file holds both: Python, gRPC, requests, git, curl, Prefect's client, Go. */}}
{{- define "harness.trustEnv" -}}
{{- if include "harness.trustEnabled" . }}
{{- range $name := list "SSL_CERT_FILE" "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" "REQUESTS_CA_BUNDLE" "GIT_SSL_CAINFO" "CURL_CA_BUNDLE" "PREFECT_API_SSL_CERT_FILE" }}
{{ $name }}: /etc/harness/trust/ca-bundle.crt
{{- end }}
{{- end }}
{{- end }}

{{- define "harness.trustContainer" -}}
name: trust
image: {{ include "harness.image" (dict "root" . "image" .Values.harness.image) }}
imagePullPolicy: {{ .Values.imagePullPolicy }}
command: [/bin/sh, -ec]
args:
  - |
    cat /etc/ssl/certs/ca-certificates.crt > /etc/harness/trust/ca-bundle.crt
    for file in /etc/harness/ca/*; do
      if [ -f "$file" ]; then { echo; cat "$file"; } >> /etc/harness/trust/ca-bundle.crt; fi
    done
resources:
  requests: {cpu: 10m, memory: 16Mi}
  limits: {cpu: 100m, memory: 64Mi}
securityContext:
  {{- include "harness.securityContext" . | nindent 2 }}
volumeMounts:
  - {name: trust, mountPath: /etc/harness/trust}
  - {name: ca, mountPath: /etc/harness/ca, readOnly: true}
{{- end }}

{{- define "harness.trustVolumes" -}}
- name: trust
  emptyDir: {sizeLimit: 4Mi}
- name: ca
  projected:
    sources:
      {{- with .Values.privateCA.existingSecret }}
      - secret:
          name: {{ . }}
          items: [{key: {{ $.Values.privateCA.key }}, path: private.crt}]
      {{- end }}
      {{- with .Values.qdrant.tls.existingSecret }}
      - secret:
          name: {{ . }}
          items: [{key: ca.crt, path: qdrant.crt}]
      {{- end }}
{{- end }}

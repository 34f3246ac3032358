{{/* What every pod has. `component`, `account`, `uid`, and `token` (API access, worker only). */}}
{{- define "harness.podSpec" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
{{- /* Otherwise a Service named qdrant injects QDRANT_PORT=tcp://…, which is a setting of ours. */}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "harness.securityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Our image on a read-only root: everything written goes to one emptyDir. */}}
{{- define "harness.homeEnv" -}}
- {name: HOME, value: /home/harness}
- {name: PREFECT_HOME, value: /home/harness/.prefect}
- {name: PYTHONUNBUFFERED, value: "1"}
{{- end }}

{{/* Where flow code runs: copies of repositories go to the temporary folder, so it is the big one. */}}
{{- define "harness.workspaceEnv" -}}
{{ include "harness.homeEnv" . }}
- {name: TMPDIR, value: /workspace}
{{- end }}

{{- define "harness.homeMounts" -}}
- {name: home, mountPath: /home/harness}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "harness.homeVolumes" -}}
- name: home
  emptyDir: {sizeLimit: 1Gi}
- name: tmp
  emptyDir: {sizeLimit: 2Gi}
{{- end }}

{{/* A client of the Prefect API: the address, and the password by reference. */}}
{{- define "harness.prefectEnv" -}}
- name: PREFECT_API_URL
  value: {{ include "harness.prefectApiUrl" . | quote }}
{{- if .Values.prefect.server.auth.enabled }}
- name: PREFECT_API_AUTH_STRING
  valueFrom:
    secretKeyRef:
      name: {{ .Values.prefect.server.auth.existingSecret }}
      key: auth-string
{{- end }}
- {name: DO_NOT_TRACK, value: "1"}
- {name: PREFECT_LOGGING_EXTRA_LOGGERS, value: harness}
{{- end }}

{{/* A client of Qdrant's key. envFrom, so that the key's name in the Secret is the setting's. */}}
{{- define "harness.coreEnvFrom" -}}
- configMapRef: {name: harness-config}
{{- if .Values.qdrant.auth.enabled }}
- secretRef: {name: {{ .Values.qdrant.auth.existingSecret }}}
{{- end }}
{{- end }}

{{- define "harness.caEnv" -}}
{{- if .Values.qdrant.tls.existingSecret }}
- {name: SSL_CERT_FILE, value: /etc/harness/ca/ca.crt}
- {name: GRPC_DEFAULT_SSL_ROOTS_FILE_PATH, value: /etc/harness/ca/ca.crt}
{{- end }}
{{- end }}

{{- define "harness.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "harness.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "harness.selector" . | nindent 8 }}
{{- end }}

{{/* The knobs of one pod: those of `pods`, then the component's own. Maps are merged, lists of
     variables and volumes are added, everything else is replaced. */}}
{{- define "harness.knobs" -}}
{{- $all := .root.Values.pods -}}
{{- $own := .own | default dict -}}
{{- $knobs := dict -}}
{{- range $name := list "nodeSelector" "podAnnotations" "podLabels" }}
{{- $_ := set $knobs $name (merge (dict) (index $own $name | default dict) (index $all $name | default dict)) }}
{{- end }}
{{- range $name := list "extraEnv" "extraVolumes" "extraVolumeMounts" }}
{{- $_ := set $knobs $name (concat (index $all $name | default list) (index $own $name | default list)) }}
{{- end }}
{{- range $name := list "priorityClassName" "runtimeClassName" "affinity" "tolerations" "topologySpreadConstraints" }}
{{- with index $own $name | default (index $all $name) }}
{{- $_ := set $knobs $name . }}
{{- end }}
{{- end }}
{{- toYaml $knobs -}}
{{- end }}

{{/* The affinity of pods that share claims (Jobs, the toolbox, the test's pod): with claims for one node
     they have to be where the others are. The first one goes anywhere: Kubernetes lets a pod start
     when its term matches only itself. Takes `root` and `affinity`, the values' own. */}}
{{- define "harness.sharedAffinity" -}}
{{- $affinity := deepCopy (.affinity | default dict) }}
{{- if ne .root.Values.harness.storage.accessMode "ReadWriteMany" }}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchExpressions" (list (dict "key" "app.kubernetes.io/component" "operator" "In" "values" (list "job" "toolbox")))) }}
{{- $pods := $affinity.podAffinity | default dict }}
{{- $_ := set $pods "requiredDuringSchedulingIgnoredDuringExecution" (append ($pods.requiredDuringSchedulingIgnoredDuringExecution | default list) $term) }}
{{- $_ := set $affinity "podAffinity" $pods }}
{{- end }}
{{- toYaml $affinity }}
{{- end }}

{{/* Metadata of a pod: `component`, `own` (the component's values). */}}
{{- define "harness.podMeta" -}}
{{- $knobs := include "harness.knobs" . | fromYaml -}}
labels:
  {{- /* Ours last: selectors and policies depend on them. */}}
  {{- with $knobs.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "harness.labels" . | nindent 2 }}
annotations:
  {{- with $knobs.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- /* A pod reads ConfigMaps when it starts: it is made anew when one that it reads has changed,
         and only then. `config`: it reads harness-config; `reads`: what else. */}}
  checksum/config: {{ printf "%s%s" (.config | default false | ternary (include (print .root.Template.BasePath "/harness/config.yaml") .root) "") (.reads | default "") | sha256sum }}
{{- end }}

{{/* What every pod has. `component`, `account`, `uid`, `own` (the component's values), and `token`
     (API access, worker only). `spread`: over nodes, unless the values say how. */}}
{{- define "harness.podSpec" -}}
{{- $knobs := include "harness.knobs" . | fromYaml -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
{{- /* Otherwise a Service named qdrant injects QDRANT_PORT=tcp://…, which is a setting of ours. */}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if include "harness.fixedIds" .root }}
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .shared }}
{{- $_ := set $knobs "affinity" (include "harness.sharedAffinity" (dict "root" .root "affinity" $knobs.affinity) | fromYaml) }}
{{- end }}
{{- range $name := list "priorityClassName" "runtimeClassName" "nodeSelector" "affinity" "tolerations" "topologySpreadConstraints" }}
{{- with index $knobs $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if and .spread (not $knobs.topologySpreadConstraints) }}
{{ include "harness.spread" .component }}
{{- end }}
{{- $trust := and .trust (include "harness.trustEnabled" .root) }}
{{- if or .init $trust }}
initContainers:
  {{- with .init }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if $trust }}
  - {{- include "harness.trustContainer" .root | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What is added at the end of a pod's lists: the trust store and the proxy where `trust` is set
     (programs that leave the cluster), then what the values add. Nothing when there is none. */}}
{{- define "harness.extraEnv" -}}
{{- if .trust }}
{{- range $name, $value := merge (include "harness.trustEnv" .root | fromYaml) (include "harness.proxyEnv" .root | fromYaml) }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
{{- with (include "harness.knobs" . | fromYaml).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "harness.extraMounts" -}}
{{- if and .trust (include "harness.trustEnabled" .root) }}
- {name: trust, mountPath: /etc/harness/trust, readOnly: true}
{{- end }}
{{- with (include "harness.knobs" . | fromYaml).extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "harness.extraVolumes" -}}
{{- if and .trust (include "harness.trustEnabled" .root) }}
{{ include "harness.trustVolumes" .root }}
{{- end }}
{{- with (include "harness.knobs" . | fromYaml).extraVolumes }}
{{ toYaml . }}
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
# A uid without an entry in /etc/passwd has no name otherwise.
- {name: USER, value: harness}
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

{{/* One JSON object a line, with flow run and task run ids: Prefect's own formatter. */}}
{{- define "harness.logEnv" -}}
{{- if .Values.logs.json }}
- {name: PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER, value: json}
{{- end }}
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
{{- include "harness.logEnv" . }}
{{- end }}

{{/* A client of Qdrant's key. envFrom, so that the key's name in the Secret is the setting's. */}}
{{- define "harness.coreEnvFrom" -}}
- configMapRef: {name: harness-config}
{{- if .Values.qdrant.auth.enabled }}
- secretRef: {name: {{ .Values.qdrant.auth.existingSecret }}}
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

{{/* What this release changes in deployments/base-job-template.json: defaults of its variables.
     `harness deploy` writes them into the work pool, so the template itself stays one file. */}}
{{- define "harness.jobDefaults" -}}
{{- $knobs := include "harness.knobs" (dict "root" . "own" .Values.jobs) | fromYaml -}}
{{- $defaults := dict
    "namespace" (include "harness.namespace" .)
    "image" (include "harness.image" (dict "root" . "image" .Values.harness.image))
    "image_pull_policy" .Values.imagePullPolicy
    "image_pull_secrets" .Values.imagePullSecrets
    "cpu_request" .Values.jobs.cpuRequest
    "cpu_limit" .Values.jobs.cpuLimit
    "memory_request" .Values.jobs.memoryRequest
    "memory_limit" .Values.jobs.memoryLimit
    "active_deadline_seconds" (int .Values.jobs.deadlineSeconds)
    "finished_job_ttl" (int .Values.jobs.ttlSeconds)
    "workspace_size" .Values.jobs.workspaceSize
    "node_selector" ($knobs.nodeSelector | default dict)
    "tolerations" ($knobs.tolerations | default list)
    "labels" ($knobs.podLabels | default dict)
    "annotations" ($knobs.podAnnotations | default dict)
    "extra_env" ($knobs.extraEnv | default list)
    "extra_volumes" ($knobs.extraVolumes | default list)
    "extra_volume_mounts" ($knobs.extraVolumeMounts | default list)
    "repositories_claim" (include "harness.claim" (dict "root" . "name" "repositories"))
    "results_claim" (include "harness.claim" (dict "root" . "name" "results"))
    "qdrant_secret" (.Values.qdrant.auth.enabled | ternary .Values.qdrant.auth.existingSecret "harness-qdrant")
-}}
{{- if .Values.qdrant.tls.existingSecret }}
{{- $_ := set $defaults "ca_secret" .Values.qdrant.tls.existingSecret }}
{{- $_ := set $defaults "env" (dict "SSL_CERT_FILE" "/etc/harness/ca/ca.crt" "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" "/etc/harness/ca/ca.crt") }}
{{- end }}
{{- range $name, $variable := dict "priorityClassName" "priority_class_name" "runtimeClassName" "runtime_class_name" "affinity" "affinity" "topologySpreadConstraints" "topology_spread_constraints" }}
{{- with index $knobs $name }}
{{- $_ := set $defaults $variable . }}
{{- end }}
{{- end }}
{{- toJson $defaults }}
{{- end }}

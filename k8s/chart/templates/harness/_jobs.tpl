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
    "results_claim" (.Values.results.url | empty | not | ternary "" (include "harness.claim" (dict "root" . "name" "results")))
    "qdrant_secret" (.Values.qdrant.auth.enabled | ternary .Values.qdrant.auth.existingSecret "harness-qdrant")
-}}
{{- with .Values.jobs.ephemeralStorage }}{{ $_ := set $defaults "ephemeral_storage" . }}{{ end }}
{{- $env := dict }}
{{- if .Values.logs.json }}
{{- $_ := set $env "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER" "json" }}
{{- end }}
{{- if include "harness.trustEnabled" . }}
{{- with .Values.qdrant.tls.existingSecret }}{{ $_ := set $defaults "ca_secret" . }}{{ end }}
{{- with .Values.privateCA.existingSecret }}{{ $_ := set $defaults "private_ca_secret" . }}{{ end }}
{{- $_ := set $defaults "private_ca_key" .Values.privateCA.key }}
{{- $env = merge $env (include "harness.trustEnv" . | fromYaml) }}
{{- $_ := set $defaults "init_containers" (list (include "harness.trustContainer" . | fromYaml)) }}
{{- end }}
{{- with $env }}{{ $_ := set $defaults "env" . }}{{ end }}
{{- if not (include "harness.fixedIds" .) }}
{{- $_ := set $defaults "pod_security_context" (dict "runAsUser" nil "runAsGroup" nil "fsGroup" nil "fsGroupChangePolicy" nil) }}
{{- end }}
{{- $_ := set $knobs "affinity" (include "harness.sharedAffinity" (dict "root" . "affinity" $knobs.affinity) | fromYaml) }}
{{- range $name, $variable := dict "priorityClassName" "priority_class_name" "runtimeClassName" "runtime_class_name" "affinity" "affinity" "topologySpreadConstraints" "topology_spread_constraints" }}
{{- with index $knobs $name }}
{{- $_ := set $defaults $variable . }}
{{- end }}
{{- end }}
{{- toJson $defaults }}
{{- end }}

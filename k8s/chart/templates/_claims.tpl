{{/* The spec of a claim. root; name; set: the StatefulSet whose template it is, if it is one; value:
     where the values have its size; own: its class there; size; mode. */}}
{{- define "harness.claimSpec" -}}
{{- include "harness.refuseClaim" . -}}
accessModes: [{{ .mode | default "ReadWriteOnce" }}]
{{- with .own | default .root.Values.storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end }}

{{/* Kubernetes refuses these changes one by one, when Helm has already made others; so they are
     compared with what is there before there are any. `helm template`, and so Argo CD, sees nothing
     there. A class that the values no longer name cannot be told from the cluster's default. */}}
{{- define "harness.refuseClaim" -}}
{{- $there := dict }}
{{- $size := "" }}
{{- $namespace := include "harness.namespace" .root }}
{{- $name := .name }}
{{- if .set }}
{{- range dig "spec" "volumeClaimTemplates" list (lookup "apps/v1" "StatefulSet" $namespace .set) }}
{{- if eq .metadata.name $name }}
{{- $there = .spec }}
{{- end }}
{{- end }}
{{- else }}
{{- $claim := lookup "v1" "PersistentVolumeClaim" $namespace .name }}
{{- $there = dig "spec" dict $claim }}
{{- /* An expansion that failed may be taken back, as far as the volume's real size. */}}
{{- $size = dig "status" "capacity" "storage" "" $claim }}
{{- end }}
{{- with $there }}
{{- $asked := .resources.requests.storage }}
{{- $wanted := float64 (include "harness.bytes" $.size) }}
{{- $smaller := lt $wanted (float64 (include "harness.bytes" $asked)) }}
{{- if and $smaller $size }}
{{- $smaller = lt $wanted (float64 (include "harness.bytes" $size)) }}
{{- end }}
{{- $other := ne $wanted (float64 (include "harness.bytes" $asked)) }}
{{- if or $smaller (and $.set $other) }}
{{- include "harness.refused" (dict "what" (printf "%s is %s, and cannot become %s" $.value $asked (toString $.size))) }}
{{- end }}
{{- $class := $.own | default $.root.Values.storageClass }}
{{- $now := .storageClassName | default "" }}
{{- if and $class (ne $class $now) }}
{{- include "harness.refused" (dict "what" (printf "the claim of %s is of class %q, and cannot become %q" $.value $now $class)) }}
{{- end }}
{{- $mode := $.mode | default "ReadWriteOnce" }}
{{- if not (has $mode .accessModes) }}
{{- include "harness.refused" (dict "what" (printf "the claim of %s is %s, and cannot become %s" $.value (first .accessModes) $mode)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "harness.refused" -}}
{{- fail (printf "%s; nothing has been changed. What to do: docs/kubernetes-upgrade.md, \"What cannot be changed\"" .what) }}
{{- end }}

{{/* A size as a number of bytes, to be compared. */}}
{{- define "harness.bytes" -}}
{{- $factors := dict "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 }}
{{- $text := toString . }}
{{- mulf (float64 (regexFind "^[0-9.]+" $text)) (get $factors (regexFind "[A-Za-z]+$" $text) | default 1.0) }}
{{- end }}

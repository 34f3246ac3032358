{{/* A pod that wants each of the claims for Jobs that this chart makes, and ends; nothing where it makes none. */}}
{{- define "harness.bindSpec" -}}
{{- $pod := dict "root" . "component" "job" "account" "harness-job" "uid" 10001 "own" .Values.jobs "shared" true }}
{{- $claims := list }}
{{- range $name := list "repositories" "results" "backups" }}
{{- if not (or (index $.Values.harness.storage (printf "existing%s" (title $name))) (include "harness.inStorage" (dict "root" $ "name" $name))) }}
{{- $claims = append $claims $name }}
{{- end }}
{{- end }}
{{- if $claims }}
spec:
  backoffLimit: 4
  template:
    metadata:
      {{- include "harness.podMeta" $pod | nindent 6 }}
    spec:
      restartPolicy: Never
      {{- include "harness.podSpec" $pod | nindent 6 }}
      terminationGracePeriodSeconds: 5
      containers:
        - name: volumes
          image: {{ include "harness.image" (dict "root" . "image" .Values.harness.image) }}
          imagePullPolicy: {{ .Values.imagePullPolicy }}
          args: ["true"]
          {{- with include "harness.extraEnv" $pod | trim }}
          env:
            {{- . | nindent 12 }}
          {{- end }}
          resources:
            requests: {cpu: 10m, memory: 16Mi}
            limits: {cpu: 100m, memory: 32Mi}
          securityContext:
            {{- include "harness.securityContext" . | nindent 12 }}
          volumeMounts:
            {{- range $claims }}
            - {name: {{ . }}, mountPath: /{{ . }}}
            {{- end }}
            {{- with include "harness.extraMounts" $pod | trim }}{{ . | nindent 12 }}{{ end }}
      volumes:
        {{- range $claims }}
        - name: {{ . }}
          persistentVolumeClaim: {claimName: {{ include "harness.claim" (dict "root" $ "name" .) }}}
        {{- end }}
        {{- with include "harness.extraVolumes" $pod | trim }}{{ . | nindent 8 }}{{ end }}
{{- end }}
{{- end }}

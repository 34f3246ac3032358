{{- define "harness.bootstrapSpec" -}}
{{- $pod := dict "root" . "component" "bootstrap" "account" "bootstrap" "uid" 10001 "own" .Values.bootstrap "trust" true "config" true "reads" (toJson .Values.repositories) }}
{{- $pullModels := and .Values.bootstrap.pullModels (or .Values.networkPolicy.modelPulls (not .Values.networkPolicy.enabled)) }}
{{- $models := concat (list (include "harness.chatModel" .) .Values.harness.embedModel) .Values.ollama.models | uniq }}
{{- $defaults := include "harness.jobDefaults" . }}
spec:
  backoffLimit: 4
  activeDeadlineSeconds: {{ add (int .Values.bootstrap.waitSeconds) 900 }}
  {{- with .Values.bootstrap.ttlSeconds }}
  ttlSecondsAfterFinished: {{ int . }}
  {{- end }}
  template:
    metadata:
      {{- include "harness.podMeta" $pod | nindent 6 }}
    spec:
      restartPolicy: Never
      {{- include "harness.podSpec" $pod | nindent 6 }}
      terminationGracePeriodSeconds: 10
      containers:
        - name: bootstrap
          image: {{ include "harness.image" (dict "root" . "image" .Values.harness.image) }}
          imagePullPolicy: {{ .Values.imagePullPolicy }}
          command: [/bin/sh, -ec]
          args:
            - |
              # Waits for the server itself; pool, limits, deployments, automations.
              python -m deployments.apply --pool kubernetes --wait-seconds {{ .Values.bootstrap.waitSeconds }} --at-once {{ .Values.jobs.atOnce }}
              {{- if $pullModels }}
              # Not waited for: a pull takes minutes to hours and is seen in Prefect's interface.
              prefect deployment run pull-models/pull-models{{ with .Values.ollama.models }} --param {{ printf "models=%s" (toJson $models) | squote }}{{ end }}
              {{- end }}
              {{- if .Values.repositories }}
              # The list, into the registry: nothing is indexed, for the models may not be there yet.
              prefect deployment run index-all/sync-repositories --param only_register=true
              {{- end }}
          # Time zone of the schedules, and the Ollama server whose limit is registered.
          envFrom:
            - configMapRef: {name: harness-config}
            {{- with .Values.notifications.existingSecret }}
            # The address of notifications holds a password; Prefect keeps it in a block.
            - secretRef: {name: {{ . }}}
            {{- end }}
          env:
            {{- include "harness.homeEnv" . | nindent 12 }}
            {{- include "harness.prefectEnv" . | nindent 12 }}
            # Where the Jobs find the flow code, inside the image.
            - {name: HARNESS_CODE_DIR, value: /opt/harness}
            - name: HARNESS_JOB_DEFAULTS
              value: {{ $defaults | quote }}
            {{- with include "harness.extraEnv" $pod | trim }}{{ . | nindent 12 }}{{ end }}
          resources:
            {{- toYaml .Values.bootstrap.resources | nindent 12 }}
          securityContext:
            {{- include "harness.securityContext" . | nindent 12 }}
          volumeMounts:
            {{- include "harness.homeMounts" . | nindent 12 }}
            {{- with include "harness.extraMounts" $pod | trim }}{{ . | nindent 12 }}{{ end }}
      volumes:
        {{- include "harness.homeVolumes" . | nindent 8 }}
        {{- with include "harness.extraVolumes" $pod | trim }}{{ . | nindent 8 }}{{ end }}
{{- end }}

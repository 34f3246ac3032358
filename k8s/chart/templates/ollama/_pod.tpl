{{- define "harness.ollamaPod" -}}
{{- $own := .Values.ollama }}
{{- with .Values.ollama.gpu.runtimeClass }}
{{- $own = merge (dict "runtimeClassName" .) $own }}
{{- end }}
{{- $pod := dict "root" . "component" "ollama" "account" "ollama" "uid" 10001 "own" $own "spread" (gt (int .Values.ollama.replicas) 1) "trust" true "reads" (include "harness.keeperEnabled" . | empty | ternary "" (.Files.Get "files/keep_models.py")) }}
metadata:
  {{- include "harness.podMeta" $pod | nindent 2 }}
spec:
  {{- include "harness.podSpec" $pod | nindent 2 }}
  # A pull or an answer under way may end first.
  terminationGracePeriodSeconds: 120
  containers:
    - name: ollama
      image: {{ include "harness.image" (dict "root" . "image" .Values.ollama.image) }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      args: [serve]
      env:
        - {name: OLLAMA_HOST, value: {{ eq .Values.ipFamily "IPv6" | ternary "[::]:11434" "0.0.0.0:11434" | quote }}}
        # Without HOME an unknown uid dies on `mkdir /.ollama`.
        - {name: HOME, value: /home/ollama}
        - {name: OLLAMA_MODELS, value: /models}
        # Nothing leaves the cluster: no cloud models, no sign-in.
        - {name: OLLAMA_NO_CLOUD, value: "1"}
        - {name: OLLAMA_CONTEXT_LENGTH, value: {{ .Values.ollama.contextLength | quote }}}
        - {name: OLLAMA_NUM_PARALLEL, value: {{ .Values.ollama.numParallel | quote }}}
        - {name: OLLAMA_MAX_QUEUE, value: {{ .Values.ollama.maxQueue | quote }}}
        - {name: OLLAMA_KEEP_ALIVE, value: {{ .Values.ollama.keepAlive | quote }}}
        - {name: OLLAMA_LOAD_TIMEOUT, value: {{ .Values.ollama.loadTimeout | quote }}}
        {{- range $name, $value := .Values.ollama.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- with include "harness.extraEnv" $pod | trim }}{{ . | nindent 8 }}{{ end }}
      ports:
        - {name: http, containerPort: 11434}
      # /api/version tells that the server lives; that a model is there, only the keeper knows.
      startupProbe:
        httpGet: {path: /api/version, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 60
      readinessProbe:
        httpGet: {path: /api/version, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
      livenessProbe:
        httpGet: {path: /api/version, port: http}
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: 6
      resources:
        {{- $resources := deepCopy .Values.ollama.resources }}
        {{- if .Values.ollama.gpu.enabled }}
        {{- $_ := set $resources "limits" (merge (dict .Values.ollama.gpu.resource (int .Values.ollama.gpu.count)) ($resources.limits | default dict)) }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      securityContext:
        {{- include "harness.securityContext" . | nindent 8 }}
      volumeMounts:
        - {name: models, mountPath: /models}
        - {name: home, mountPath: /home/ollama}
        - {name: tmp, mountPath: /tmp}
        {{- with include "harness.extraMounts" $pod | trim }}{{ . | nindent 8 }}{{ end }}
    {{- if include "harness.keeperEnabled" . }}
    - name: keeper
      image: {{ include "harness.image" (dict "root" . "image" .Values.harness.image) }}
      imagePullPolicy: {{ .Values.imagePullPolicy }}
      args: [python, -B, /keeper/keep_models.py]
      env:
        - {name: OLLAMA_HOST, value: "http://127.0.0.1:11434"}
        - {name: MODELS, value: {{ concat (list (include "harness.chatModel" .) .Values.harness.embedModel) .Values.ollama.models | uniq | join " " | quote }}}
        - {name: PRELOAD, value: {{ .Values.ollama.keeper.preload | join " " | quote }}}
        - {name: READY_FILE, value: /tmp/models-ready}
        - {name: PYTHONUNBUFFERED, value: "1"}
      {{- if .Values.ollama.keeper.gateReadiness }}
      # The keeper pulls over the loopback, so a gated Service cannot lock it out.
      readinessProbe:
        exec: {command: [test, -e, /tmp/models-ready]}
        periodSeconds: 10
        timeoutSeconds: 5
      {{- end }}
      resources:
        {{- toYaml .Values.ollama.keeper.resources | nindent 8 }}
      securityContext:
        {{- include "harness.securityContext" . | nindent 8 }}
      volumeMounts:
        - {name: keeper, mountPath: /keeper, readOnly: true}
        - {name: keeper-tmp, mountPath: /tmp}
    {{- end }}
  volumes:
    - name: home
      emptyDir: {sizeLimit: 64Mi}
    - name: tmp
      emptyDir: {sizeLimit: 4Gi}
    {{- if include "harness.keeperEnabled" . }}
    - name: keeper
      configMap: {name: ollama-keeper}
    - name: keeper-tmp
      emptyDir: {sizeLimit: 16Mi}
    {{- end }}
    {{- if le (int .Values.ollama.replicas) 1 }}
    - name: models
      persistentVolumeClaim: {claimName: ollama-models}
    {{- end }}
    {{- with include "harness.extraVolumes" $pod | trim }}{{ . | nindent 4 }}{{ end }}
{{- end }}
